# faults.bats - numbered messages through each fault once, with a seed that stays; tests/soak.sh tries others
load serve

checker() {
	tool checker --seed 7 "$@"
}

@test "hops between transports on the memory bus, over kills" {
	tool hop --seed 7 --bus mem --faults kill,clients
}

@test "hops between transports on a bus that replays, through all its faults" {
	need_test_bus
	tool hop --seed 7 --bus test --faults kill,trim,hole,epoch,down,lag,unknown,refuse,stop
}

@test "rt-serve is killed, memory bus" {
	checker --bus mem --faults kill
}

@test "rt-serve is killed, a bus that replays" {
	need_test_bus
	checker --bus test --faults kill
}

@test "rt-serve drains and comes back" {
	checker --bus mem --faults drain
}

@test "rt-serve drains and comes back, a bus that replays" {
	need_test_bus
	checker --bus test --faults drain
}

@test "rt-serve is frozen, clients are cut" {
	checker --bus mem --faults stop,clients
}

@test "slow readers are cut" {
	checker --bus mem --slow close --slow-readers --size 60000 --history 5
}

@test "slow readers skip" {
	checker --bus mem --slow skip --slow-readers --size 60000 --history 5
}

@test "slow readers get the latest" {
	checker --bus mem --slow latest --slow-readers --size 60000 --history 5
}

@test "slow readers of a bus that replays miss nothing" {
	need_test_bus
	checker --bus test --slow skip --slow-readers --size 60000 --history 5
}

@test "the log is trimmed while it is read, late" {
	need_test_bus
	checker --bus test --faults trim,lag,clients
}

@test "the bus breaks, refuses, leaves outcomes unknown" {
	need_test_bus
	checker --bus test --faults down,unknown,unsure,refuse,clients
}

@test "the bus has holes, and another epoch" {
	need_test_bus
	checker --bus test --faults hole,epoch,clients
}

@test "two instances on one bus, through everything" {
	need_test_bus
	checker --bus test --instances 2 --faults kill,trim,hole,epoch,down,lag,unknown,unsure,clients
}
