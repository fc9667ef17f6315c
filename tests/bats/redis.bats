# redis.bats - instances on a real Redis, each test with one of its own
load serve

redis() {
	tool redis_faults "$@"
}

@test "Pub/Sub: two instances, every transport" { redis transports; }
@test "Pub/Sub: programs that know nothing of rt" { redis bridge; }
@test "Pub/Sub: sent twice, delivered once" { redis doubles; }
@test "Pub/Sub: what Redis drops is told" { redis dropped; }
@test "Pub/Sub: Redis is killed and comes back" { redis restart; }
@test "Pub/Sub: Redis is frozen" { redis frozen; }
@test "Pub/Sub: connections are cut" { redis cut; }
@test "Pub/Sub: no Redis at the start" { redis absent; }
@test "Pub/Sub: no such address" { redis refused; }
@test "Pub/Sub: passwords" { redis passwords; }
@test "Pub/Sub: a replica" { redis replica; }
@test "Streams: one order over rooms and instances" { redis one_order; }
@test "Streams: what other programs add" { redis foreign; }
@test "Streams: trimmed and deleted" { redis trimmed; }
@test "Streams: flushed" { redis flushed; }
@test "Streams: a log that lost its end" { redis lost_end; }
@test "Streams: outages" { redis stream_outage; }
@test "Streams: OOM, NOREPLICAS, BUSY, NOSCRIPT, READONLY" { redis states; }
@test "Streams: LOADING" { redis loading; }
