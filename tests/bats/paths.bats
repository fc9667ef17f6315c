# paths.bats - every way to subscribe, on both kinds of bus, told exactly what the rules say
load serve

@test "ws on the memory bus" {
	tool paths mem ws
}

@test "sse on the memory bus" {
	tool paths mem sse
}

@test "stream on the memory bus" {
	tool paths mem stream
}

@test "poll on the memory bus" {
	tool paths mem poll
}

@test "ws on a bus that replays" {
	need_test_bus
	tool paths test ws
}

@test "sse on a bus that replays" {
	need_test_bus
	tool paths test sse
}

@test "stream on a bus that replays" {
	need_test_bus
	tool paths test stream
}

@test "poll on a bus that replays" {
	need_test_bus
	tool paths test poll
}
