# http.bats - a running rt-serve and those who do not mean well
load serve

@test "every request that is not quite HTTP/1.1 is refused, and the connection ends" {
	tool hostile strict
}

@test "what is unusual and right is served: pipelining, chunks, Expect, HEAD" {
	tool hostile plain
}

@test "a refusal reaches who is still sending" {
	tool hostile linger
}

@test "heads and bodies that do not come are not waited for" {
	tool hostile slow
}

@test "what came in time counts, however late the server gets to it" {
	tool hostile late
}

@test "pages of other origins are kept out" {
	tool hostile origins
}

@test "publishing: one object, run together, streamed; bad ones named" {
	tool hostile publish
}

@test "WebSocket: frames, control messages, acks, close codes" {
	tool hostile websocket
}

@test "rooms, connections, health, metrics, the log and the counters" {
	tool hostile resources
}

@test "presence: joins and leaves once a user, typing" {
	tool hostile members
}

@test "peers that vanish, and the limits of connections and files" {
	tool hostile peers
}

@test "draining, reloading, checking, usage errors" {
	tool hostile daemon
}

@test "inherited sockets, notifications, watchdog" {
	tool hostile systemd
}
