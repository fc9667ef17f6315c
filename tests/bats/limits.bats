# limits.bats - who is over a limit is told so, and nobody else notices
load serve

@test "connections of one address" {
	tool limits connections
}

@test "an address is the same through every socket" {
	tool limits mapped
}

@test "a unix socket has no addresses" {
	tool limits unix
}

@test "requests of one address" {
	tool limits requests
}

@test "publications of one address" {
	tool limits publications
}

@test "over --max-connections everybody is told, as far as that goes" {
	tool limits full
}

@test "who is refused takes no file that another needs" {
	tool limits files
}

@test "who asks for lists lets others be served" {
	tool limits lists
}

@test "patterns of one connection, and the cursors of all" {
	tool limits patterns
}

@test "limits are read again" {
	tool limits reload
}
