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

@test "a slow reader who reads is not cut for the pings he has not come to; one who stops is" {
	need_test_bus
	tool rules slow_pings
}

@test "a ping that the server holds back is not waited for" {
	need_test_bus
	tool rules held_pings
}

@test "a body that breaks off leaves a whole answer" {
	tool rules broken_bodies
}

@test "a method that does not fit is told which do" {
	tool rules methods
}

@test "HEAD is answered as GET without the body: nothing is held open, nobody is subscribed" {
	tool rules heads
	tool rules heads_are_no_news
}

@test "OPTIONS names the methods of the path" {
	tool rules options
}

@test "a control message that makes no sense is told what would" {
	tool rules controls
}

@test "who asks for something else than he means is told what to ask for" {
	tool rules newcomers
}

@test "a poll that ends at once makes present as long as one that waits" {
	tool rules lease
}

@test "a poller that is gone is noticed, whatever it had sent behind its poll" {
	tool rules vanished
}

@test "who types by POST is not told so" {
	tool rules typing
}

@test "a message comes once through subscriptions that overlap" {
	tool rules overlap
}

@test "what a slow subscriber did not get is counted" {
	tool rules slow
}

@test "a refused message is told with its reference, and is in the log" {
	tool rules refused
}

@test "whoever gives a reference gets it back in the answer" {
	tool rules references
}

@test "nobody but the server says who came and who left" {
	tool rules made_by_the_server
}

@test "a server that nobody talks to sleeps" {
	tool rules idle
}

@test "over its rate a publisher waits and is not refused" {
	tool rules rate
}

@test "a token is refused wherever it is given" {
	tool rules token
}

@test "the bus fails: every outstanding message has its outcome, in order, before the close" {
	need_test_bus
	tool rules bus_down
}

@test "the bus fails: every line of a POST that was read has its answer before the end" {
	need_test_bus
	tool rules bus_down_posts
}

@test "after an unknown outcome nothing more is read" {
	need_test_bus
	tool rules unsure
}

@test "outcomes come before a drain sends away" {
	need_test_bus
	tool rules drain
}
