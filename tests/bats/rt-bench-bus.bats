# rt-bench bus: a load straight on a bus, on the one in this process and on one that misbehaves (tests/support/bus_test.c).

load lib

setup() { rt_setup; }
teardown() { rt_teardown; }

# bench STATUS ARGS...: runs rt-bench bus, whose JSON goes to report.json; must end with that status.
bench() {
	local want=$1 got=0
	shift
	rt-bench bus "$@" -f json -o report.json 2>bench.err </dev/null || got=$?
	cat bench.err
	[ -f report.json ] && jq -c 'del(.samples) | map_values(if type == "object" then "..." else . end)' report.json
	echo "status $got, not $want?"
	[ "$got" -eq "$want" ]
}

# is FILTER VALUE
is() {
	local got
	got=$(jq -r "$1" report.json)
	echo "$1: $got, want $2"
	[ "$got" = "$2" ]
}

@test "mem: every message comes back once, and acknowledges itself" {
	bench 0 -p 3 --rooms 4 -n 5000 --max lost=0,dup=0,reordered=0,phantom=0,corrupt=0,errors=0 --min received=100% mem:
	is .sent 5000
	is .acked 5000
	is .received 5000
	is .received_bytes $((5000 * 128))
	is .window 64
	is '.latency_ns.n' 5000
	is '.ack_ns.n' 5000
	is .opened 1
	is '.end + .scenario + .url' donebusmem:
	is '.profile, .transport' "null
null"
}

@test "-V tells which buses are built in" {
	rt-bench -V | grep -q '^buses: mem'
}

@test "by the clock and by stages, and mem: is the default" {
	bench 0 -r 500/s -n 100 --room lobby --size 1k
	is .sent 100
	is .received 100
	is .received_bytes 102400
	is .window 0
	is '.lag_ns.n >= 100' true
	bench 0 --stages 100ms:100/s,100ms:1k/s
	is .sent 110
}

@test "a report, a page, comparing and merging" {
	run --separate-stderr rt-bench bus -n 1000 --html page.html
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == "held: nothing lost, p99 "* ]]
	[ "${lines[1]}" = "bus, mem:" ]
	[[ ${lines[2]} == "1 subscriber, 1 publisher, 1 room, 128 bytes, 64 unanswered at each for "* ]]
	grep -q '<p>bus, mem:' page.html
	bench 0 -n 1000
	rt-bench merge -f json report.json report.json >both.json
	[ "$(jq -c '[.scenario, .sent, .received, .lost]' both.json)" = '["bus",2000,2000,0]' ]
	run rt-bench compare report.json report.json
	[ "$status" -eq 0 ]
}

@test "what cannot be: an engine that is not there, a second instance in one process, options of a server" {
	local args
	while IFS='|' read -r args want; do
		run --separate-stderr rt-bench bus $args </dev/null
		echo "$args: $status $stderr"
		[ "$status" -eq 2 ]
		[ "${#stderr_lines[@]}" -eq 2 ]
		[[ ${stderr_lines[0]} == "rt-bench: "$want ]]
	done <<-'END'
		nosuch:|no bus 'nosuch:' is built in (there is mem:*)
		ws://127.0.0.1:1|no bus 'ws:' is built in (there is mem:*)
		mem://host|the memory bus takes no address: 'mem:'
		-c 2 mem:|'mem:' is within one process: one instance, no more (-c 1)
		-c 0|'bus' needs an instance (-c 1) and a publisher (-p 1)
		-p 0|'bus' needs an instance (-c 1) and a publisher (-p 1)
		--transport ws|'bus' makes no use of --transport
		--profile raw|'bus' makes no use of --profile
		--sources 127.0.0.2|'bus' makes no use of --sources
		--storm|'bus' makes no use of --storm
		-k|'bus' makes no use of -k
		--room a..b|*
	END
}

@test "a password in the bus's URL is shown nowhere" {
	run rt-bench bus nosuch://user:geheim@host
	[ "$status" -eq 2 ]
	[[ $output != *geheim* ]]
	bench 0 -n 10 "test://user:geheim@log$PWD/log"
	is .url "test://user:***@log$PWD/log"
	! grep geheim report.json
}

@test "an ordered bus: each instance gets everything, and outcomes acknowledge" {
	bench 0 -c 3 -p 2 --rooms 2 -n 500 --max lost=0,dup=0,reordered=0,errors=0 "test://log$PWD/log?delay=3ms"
	is .sent 500
	is .acked 500
	is .expected 1500
	is .received 1500
	is .opened 3
}

@test "what the bus refuses or leaves unknown is not expected" {
	bench 0 -c 2 -n 2000 --max lost=0 "test://log$PWD/log?delay=1ms&refuse=0.1&unsure=0.1&seed=7"
	is '.refused > 100' true
	is '.acked + .refused < 1900' true
	is '.acked + .refused + .away / 2 > 1900' true
	is '[.errors[].text] | map(select(startswith("a message was refused:") or startswith("nobody knows what became of a message:"))) | length > 1' true
}

# start_bench ARGS...: in the background, until its first message is in the log.
start_bench() {
	mkfifo control control.done
	background bench rt-bench bus "$@" -f json -o report.json "test://log$PWD/log?delay=1ms&control=$PWD/control"
	wait_for grep -aq rtb. log
}

# order COMMAND: to the bus, which confirms it.
order() {
	local line
	echo "$1" >control
	read -r line <control.done
	[[ $line == ok* ]]
}

@test "a bus that breaks: what is due meanwhile waits, and goes out when it is back" {
	start_bench -r 200/s -n 600
	order "down 500ms"
	status_of "$bench_pid"
	[ "$status" -eq 0 ]
	is .broken 1
	is '.blocked > 20' true
	is .sent 600
	is '.received + .away >= 600' true
	is '.lost' 0
	is '.back_ns.n' 1
}

@test "a hole that the bus tells is a gap, and what it took with it is declared" {
	start_bench -r 200/s -n 200
	order hole
	status_of "$bench_pid"
	[ "$status" -eq 0 ]
	is .gaps 1
	is '.received + .lost' 200
	is .undeclared 0
}

@test "a bus that is never up: status 5" {
	bench 5 -w 100ms "test://log$PWD/log?down=1h"
	is .end refused
	is '.why' "'test://log$PWD/log?down=1h' was not up in time"
	is .sent 0
}

@test "a signal: reports what there is, and dies of it" {
	start_bench -r 100/s -d 60s
	kill -TERM "$bench_pid"
	status_of "$bench_pid"
	[ "$status" -eq 143 ]
	is .end stopped
	is '.sent > 0' true
	is .lost 0
}
