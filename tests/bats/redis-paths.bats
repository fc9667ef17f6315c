# redis-paths.bats - every way to subscribe, on a real Redis, told exactly what the rules say
load serve

@test "ws on Redis Pub/Sub" {
	tool paths redis ws
}

@test "sse on Redis Pub/Sub" {
	tool paths redis sse
}

@test "stream on Redis Pub/Sub" {
	tool paths redis stream
}

@test "poll on Redis Pub/Sub" {
	tool paths redis poll
}

@test "ws on Redis Streams" {
	tool paths redis+stream ws
}

@test "sse on Redis Streams" {
	tool paths redis+stream sse
}

@test "stream on Redis Streams" {
	tool paths redis+stream stream
}

@test "poll on Redis Streams" {
	tool paths redis+stream poll
}
