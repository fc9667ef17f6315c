# hostile.bats - clients that mean harm
load serve

@test "who pipelines requests for large answers and reads none waits" {
	tool hostile pipeline
}

@test "so does who asks for members again and again" {
	tool hostile members
}

@test "what was published before a body broke off keeps its outcome" {
	tool hostile broken_body
}

@test "a burst of many publishers is not too fast for who reads at once" {
	tool hostile burst
}
