# rules.bats - single rules of the protocol that no other test comes by
load serve

@test "who subscribes to everything is not sent the server's own rooms" {
	tool rules everything
}

@test "nobody speaks in the server's own rooms, by presence neither" {
	tool rules internal
}

@test "a WebSocket is pinged as often as was asked, and cut without an answer" {
	tool rules pings
}

@test "a token is refused wherever it is given" {
	tool rules token
}
