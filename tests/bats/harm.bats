# harm.bats - clients that mean harm
load serve

@test "who pipelines requests for large answers and reads none waits" {
	tool harm pipeline
}

@test "so does who asks for members again and again" {
	tool harm members
}

@test "what was published before a body broke off keeps its outcome" {
	tool harm broken_body
}

@test "a burst of many publishers is not too fast for who reads at once" {
	tool harm burst
}
