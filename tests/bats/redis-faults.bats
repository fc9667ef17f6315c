# redis-faults.bats - numbered messages while Redis, rt-serve and connections fail, with a seed that stays
load serve

checker() {
	tool checker --seed 7 "$@"
}

@test "Redis Pub/Sub: Redis and rt-serve are killed and frozen, connections cut" {
	checker --bus redis --faults kill,rkill,rcut,rstop,clients
}

@test "Redis Streams: Redis and two instances are killed and frozen, connections cut, streams trimmed, scripts lost" {
	checker --bus redis+stream --instances 2 --faults kill,rkill,rcut,rstop,rtrim,rscript,clients
}

@test "Redis Streams: flushed under two instances" {
	checker --bus redis+stream --instances 2 --faults rflush,clients
}

@test "hops between transports on Redis Pub/Sub" {
	tool hop --seed 7 --bus redis --faults kill,rkill,rcut
}

@test "hops between transports and instances on Redis Streams" {
	tool hop --seed 7 --bus redis+stream --instances 2 --faults kill,rkill,rcut,rtrim,rflush
}
