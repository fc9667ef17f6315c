# rt-bench: its scenarios, what it counts, and how it ends. Latencies are looked at by nobody here.

load lib

setup() { rt_setup; }
teardown() { rt_teardown; }

# bench STATUS ARGS...: runs rt-bench, whose JSON goes to report.json; must end with that status.
bench() {
	local want=$1 got=0
	shift
	rt-bench "$@" -f json -o report.json 2>bench.err </dev/null || got=$?
	cat bench.err
	[ -f report.json ] && jq -c 'del(.samples) | map_values(if type == "object" then "..." else . end)' report.json
	echo "status $got, not $want?"
	[ "$got" -eq "$want" ]
}

# get FILTER: of the report
get() {
	jq -r "$1" report.json
}

# is FILTER VALUE
is() {
	local got
	got=$(get "$1")
	echo "$1: $got, want $2"
	[ "$got" = "$2" ]
}

@test "-h: examples first, at most 40 lines, the family, on stdout" {
	run --separate-stderr rt-bench -h
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" -le 40 ]
	[[ ${lines[0]} == *"rt-bench fanout"* ]]
	[[ $output == *"The family: rt-serve rt-pub rt-sub"*"rt-crdt-merge"* ]]
	[[ $output != *" more: man rt-bench"* ]]
}

@test "usage errors are one line and a hint, status 2" {
	local args
	for args in "" "nosuch" "fanout a b" "fanout --nosuch" "idle -r 5/s" "idle -p 2" "publish -c 3" "connect -n 3" \
		"fanout --storm" "publish --window 3 -r 5/s" "fanout --stages 1s:1 -r 5" "connect --ramp 1s --connect-rate 5/s" \
		"verify ws://127.0.0.1:1" "rooms -c 5 --rooms 6" "fanout --max nosuch=3" "fanout --profile nosuch" "listen -p 3"; do
		run --separate-stderr rt-bench $args </dev/null
		echo "$args: $status $stderr"
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 2 ]
		[ "${stderr_lines[1]}" = "try 'rt-bench -h'" ]
	done
}

@test "a scheme that is not built in says so, and is not taken for another" {
	local scenario scheme
	for scenario in fanout connect listen probe; do
		for scheme in wt redis nats; do
			run --separate-stderr rt-bench $scenario $scheme://127.0.0.1:1 </dev/null
			echo "$scenario $scheme: $status $stderr"
			[ "$status" -eq 2 ]
			[[ ${stderr_lines[0]} == "rt-bench: '$scheme:' is not built in (http, "* ]]
		done
	done
	run rt-bench fanout --transport wt
	[ "$status" -eq 2 ]
	[[ $output == *"'--transport' needs one of ws, sse, stream, poll"* ]]
}

@test "fanout: every subscriber gets every message, over each transport" {
	start_server server
	local t
	for t in ws sse stream poll; do
		bench 0 fanout -c 5 -p 2 -r 200/s -n 50 --transport $t
		is .sent 50
		is .expected 250
		is .received 250
		is '.lost + .dup + .reordered + .phantom' 0
		is .transport $t
	done
}

@test "rooms: subscribers get what is sent to their room" {
	start_server server
	bench 0 rooms -c 12 --rooms 4 -r 400/s -n 40
	is .sent 40
	is .received 120
	is .lost 0
}

@test "connect: all of them, over each transport, as fast as they are accepted and by a clock" {
	start_server server
	local t
	for t in ws sse stream poll; do
		bench 0 connect -c 40 --transport $t --pid "$server_pid"
		is .opened 40
		is '.connect_ns.n' 40
		is '.failed + .retried' 0
	done
	bench 0 connect -c 40 --connect-rate 400/s
	is .opened 40
	is '[.samples[].opened] | add' 40
	is '.connect_s >= 0.09' true
	bench 0 connect -c 40 --ramp 100ms
	is .opened 40
}

@test "connect --sources: from each address in turn, over each transport" {
	start_server server
	local t
	for t in ws sse stream poll; do
		rt-bench connect -c 6 --sources 127.0.0.2-127.0.0.3,127.0.0.7 -d 10s -q --transport $t >/dev/null 3>&- &
		pids+=($!)
		wait_for eval '[ "$(curl -s "http://$server_address/connections" | jq -r "map(.remote | split(\":\")[0]) | unique | join(\" \")")" = "127.0.0.2 127.0.0.3 127.0.0.7" ]'
		kill "${pids[-1]}"
	done
	run rt-bench connect --sources 127.0.0.9-127.0.0.2
	[ "$status" -eq 2 ]
	[[ $output == *"'127.0.0.9-127.0.0.2' is no address or range"* ]]
	bench 6 connect -c 2 --retry 0 --sources 192.0.2.1
	is .end generator
}

@test "connect --storm: all are dropped, and all come back" {
	start_server server
	local t
	for t in ws sse; do
		bench 0 connect --storm --reconnect now -c 30 --transport $t
		is .opened 30
		is .back_ns.n 30
		is '.storm_s > 0' true
		is '.broken' 0
	done
	run rt-bench connect --storm --reconnect now -c 5
	[[ $output == *"5 connections came back, the last after"* ]]
}

@test "connect: one that is refused makes it partial, all of them refused" {
	start_server server --max-connections 10
	bench 1 connect -c 12 --retry 0
	is .opened 10
	is .failed 2
	is '.errors | length' 1
}

@test "idle: memory before and after, of server, tool and kernel; processor time of the server" {
	start_server server
	bench 0 idle -c 50 -d 1s --pid "$server_pid"
	is .opened 50
	is '.memory | keys | join(" ")' "after before connected"
	is '.memory.connected.server_rss_bytes >= .memory.before.server_rss_bytes' true
	is '.memory.before.server_rss_bytes > 1000000' true
	is '.memory.before.kernel_slab_bytes > 0' true
	is '.server_cpu_s >= 0' true
	run rt-bench idle -c 50 -d 100ms --pid "$server_pid"
	[[ $output == *"ppm of a core"* ]]
	bench 1 idle -c 50 -d 100ms --pid "$server_pid" --max conn_bytes=0 --min opened=51
	has_line bench.err "missed: opened is 50, at least 51 is wanted"
}

@test "publish: a closed loop until -n or -d, and an open one" {
	start_server server
	bench 0 publish -n 500 -p 2 --window 8
	is .sent 500
	is .acked 500
	is .ack_ns.n 500
	is .window 8
	bench 0 publish -n 1 --window 8
	is .acked 1
	bench 0 publish -d 300ms
	is '.acked == .sent and .acked > 1' true
	bench 0 publish -r 100/s -n 20
	is .acked 20
	is .window 0
	bench 0 publish -n 100 --transport stream
	is .acked 100
}

@test "echo: each connection gets its own back, once" {
	start_odd odd echo
	bench 0 echo -c 4 -r 100/s -n 20 "ws://$odd_address/"
	is .sent 20
	is .expected 20
	is .received 20
	is '.lost + .dup + .phantom' 0
	is .latency_ns.n 20
	bench 0 echo -c 4 -n 100 --window 2 "ws://$odd_address/"
	is .received 100
}

@test "echo: what does not come back is lost" {
	start_odd odd drop
	bench 1 echo -c 1 -r 100/s -n 9 --max lost=0 "ws://$odd_address/"
	is .sent 9
	is .received 6
	is .lost 3
}

@test "echo: on a server that sends to everybody, others' messages are none" {
	start_server server
	bench 0 echo -c 2 -r 100/s -n 10 "$server_url/ws/lobby"
	is .received 10
	is .phantom 10
}

@test "listen: counts, sizes and spaces of any messages; -n ends it, fewer are partial" {
	start_odd odd feed
	bench 0 listen -n 5 "sse+http://$odd_address/"
	is .heard 5
	is .transport sse
	is .message_bytes.min 10
	is .spacing_ns.n 4
	is .latency_ns.n 0
	bench 1 listen -n 6 -d 300ms "sse+http://$odd_address/"
	is .heard 5
	has_line bench.err "heard 5 of 6 messages"
}

@test "listen: marks of another run are followed, and of this machine timed" {
	start_server server
	background listen rt-bench listen -c 3 -n 60 -f json -o report.json "$server_url/ws/lobby"
	subscribed lobby 3
	rt-bench publish --room lobby -n 20 >/dev/null
	status_of "$listen_pid"
	[ "$status" -eq 0 ]
	is .heard 60
	is .received 60
	is '.lost + .dup + .reordered' 0
	is .latency_ns.n 60
}

@test "verify: what rt-pub numbered, as rt-sub got it" {
	start_server server
	seq 100 | sed 's/.*/{"type":"chat","x":&}/' | rt-pub --number lobby
	rt-sub -me lobby | bench_verify 0 --from 1 --expect 100
	is .heard 100
	is .publishers 1
	is '.lost + .dup + .reordered' 0
}

# bench_verify STATUS [options] < LINES
bench_verify() {
	local want=$1 got=0
	shift
	rt-bench verify -f json -o report.json "$@" 2>bench.err || got=$?
	cat bench.err
	jq -c 'del(.samples) | map_values(if type == "object" then "..." else . end)' report.json
	echo "status $got"
	[ "$got" -eq "$want" ]
}

# lines P N...: numbered lines of one producer
lines() {
	local p=$1
	shift
	printf '{"type":"chat","p":"'"$p"'","n":%s}\n' "$@"
}

@test "verify: lost, doubled, reordered, each producer for itself" {
	{ lines a 5 6 7; lines b 1 2 3; lines a 8; } | bench_verify 0
	is .publishers 2
	lines a 1 2 4 5 | bench_verify 1
	is .lost 1
	is .undeclared 1
	lines a 1 2 2 3 | bench_verify 1
	is .dup 1
	lines a 1 3 2 4 | bench_verify 1
	is .reordered 1
	is .lost 0
	lines a 2 1 3 | bench_verify 1
	is .reordered 1
	{ lines a 1 2; lines b 1 2; } | bench_verify 1 --expect 5
	is .lost 1
	{ lines a 1 2; lines b 1 2; } | bench_verify 1 --expect 3
	is .phantom 1
	lines a 3 4 | bench_verify 1 --from 1
	is .lost 2
	lines a 1 2 | bench_verify 0 --from 1 --expect 2
}

@test "verify: a gap that is told excuses nothing but the silence" {
	{ lines a 1; echo '{"_op":"gap","_room":"r","reason":"slow"}'; lines a 5; } | bench_verify 1
	is .lost 3
	is .undeclared 0
	is .gaps 1
}

@test "verify: bad lines are named and make it partial; --strict stops; nothing is no success" {
	{ echo hello; lines a 1; echo '{"x":1}'; echo '{"p":1,"n":2}'; echo '{"p":"a","n":-2}'; lines a 2; } | bench_verify 1
	is .heard 2
	is .lost 0
	has_line bench.err "line 1: not JSON"
	has_line bench.err "line 3: no members 'p' and 'n'"
	has_line bench.err "line 4: 'p' is no string"
	has_line bench.err "line 5: 'p' is no string or 'n' no count"
	{ lines a 1; echo hello; lines a 2; } | bench_verify 3 --strict
	is .heard 1
	bench_verify 1 </dev/null
	has_line bench.err "no numbered message came"
}

@test "verify: a signal ends it with what there is" {
	mkfifo pipe
	background verify bash -c 'exec rt-bench verify -f json -o report.json <pipe'
	exec {fd}>pipe
	lines a 1 2 3 >&"$fd"
	echo enough >&"$fd"
	wait_for has_line verify.err "line 4: not JSON"
	kill -TERM "$verify_pid"
	status_of "$verify_pid"
	[ "$status" -eq 143 ]
	is .end stopped
	is .heard 3
}

@test "errors name the peer and what failed: refused is 5, denied is 4" {
	start_odd refuse refuse
	start_odd busy busy
	start_odd plain plain
	start_odd close close
	start_odd badkey badkey
	bench 5 connect -c 2 --retry 0 ws://127.0.0.1:1/
	has_line bench.err "cannot connect to 'ws://127.0.0.1:1/.*': connection refused"
	bench 5 rooms -c 4 --rooms 4 --retry 0 ws://127.0.0.1:1/
	has_line bench.err "cannot connect to 'ws://127.0.0.1:1/': connection refused"
	is '.errors | length' 1
	bench 4 connect -c 2 --retry 0 "ws://$refuse_address"
	has_line bench.err "cannot connect to 'ws://$refuse_address.*': the server answered 403"
	is .end denied
	bench 5 connect -c 2 --retry 0 "ws://$busy_address"
	has_line bench.err "answered 503"
	bench 5 connect -c 2 --retry 0 "ws://$plain_address"
	has_line bench.err "cannot connect to .*the server answered 200"
	bench 5 connect -c 2 --retry 0 "ws://$close_address"
	has_line bench.err "the server \(closed\|reset\) the connection"
	bench 5 connect -c 2 --retry 0 "ws://$badkey_address"
	has_line bench.err "cannot connect to .*handshake"
	bench 5 connect -c 2 --retry 0 --transport sse "ws://$plain_address"
	has_line bench.err "no text/event-stream"
	bench 5 connect -c 2 --retry 0 ws://nosuch.invalid/
	has_line bench.err "cannot connect to 'ws://nosuch.invalid/.*': cannot resolve"
}

@test "a server that says nothing is given up in time" {
	start_odd odd silent
	bench 5 connect -c 2 -w 1s "ws://$odd_address"
	has_line bench.err "a subscriber of 'ws://$odd_address' was not ready in time: it waited for an answer to its handshake"
}

@test "a tool that comes late to what is due voids the run" {
	start_server server
	RT_LAG_MAX_MS=0 bench 6 fanout -c 2 -r 100/s -n 10
	is .end generator
	is .received 20
	has_line bench.err "void: it came late to what was due"
	RT_LAG_MAX_MS=0 bench 6 find -c 2 -d 100ms --max lost=0
	is .limited_by tool
	is '.steps | length' 3
	RT_LAG_MAX_MS=0 bench 0 connect -c 5
	RT_LAG_MAX_MS=0 bench 6 connect -c 5 --connect-rate 100/s
}

@test "too few files for the connections is the tool's fault" {
	start_server server
	run bash -c 'ulimit -Sn 200; ulimit -Hn 200; rt-bench connect -c 300 -f json -o report.json'
	echo "$output"
	[ "$status" -eq 6 ]
	is .end generator
	[[ $(get .why) == "300 connections need "*" open files, and only 200 are allowed: ask for fewer, or raise that (ulimit -Hn "*")"* ]]
}

@test "too few ports for the connections is the tool's fault" {
	unshare -rn true 2>/dev/null || skip "no network namespaces here"
	run unshare -rn bash -c '
		ip link set lo up && echo 50000 50019 > /proc/sys/net/ipv4/ip_local_port_range || exit 99
		rt-serve -l 127.0.0.1:9000 2>serve.log >ready & server=$!
		until grep -q ready ready; do read -r -t 0.05 <> <(:); done
		rt-bench connect -c 40 --retry 0 --transport sse -f json -o sse.json 127.0.0.1:9000
		[ $? -eq 6 ] || exit 1
		rt-bench connect -c 40 --retry 0 -f json -o report.json 127.0.0.1:9000
		status=$?
		kill $server
		exit $status'
	[ "$status" -eq 99 ] && skip "no port range to set here"
	echo "$output"
	[ "$status" -eq 6 ]
	is .end generator
	is '.why | contains("local ports") and contains("--sources") and contains("ip_local_port_range")' true
	is '.errors[0].text | endswith("address not available")' true
}

# way TRANSPORT FILTER: of a probe's report
way() {
	get ".transports[] | select(.transport == \"$1\") | $2"
}

@test "probe: each transport of the profile, and a message on each" {
	start_server server
	bench 0 probe
	is '[.transports[].transport] | join(" ")' "ws sse stream poll"
	is '[.transports[] | .ok and .answered_ns > 0 and .subscribed_ns > 0 and .message_ns > 0] | all' true
	is '.tcp_ns > 0 and .publish_ns > 0' true
	bench 0 probe --transport sse
	is '.transports | length' 1
	run rt-bench probe
	[[ $output == *"ws "*" ok"* ]]
}

@test "probe: a proxy that strips Upgrade, one that gathers, one that waits for the end" {
	start_server server
	start_odd strip strip "$server_address"
	start_odd buffer buffer "$server_address"
	start_odd hold hold "$server_address"
	bench 1 probe -w 500ms "ws://$strip_address"
	[[ $(way ws .problem) == *"does not pass the Upgrade header"* ]]
	[ "$(way sse .ok)" = true ]
	bench 1 probe -w 500ms "ws://$buffer_address"
	[ "$(way ws .ok)" = true ]
	[[ $(way sse .problem) == *"only after 16 kB more had been published: a proxy"*"gathers"* ]]
	[ "$(way sse .held_bytes)" = 16384 ]
	bench 1 probe -w 500ms --transport sse "ws://$hold_address"
	[[ $(way sse .problem) == *"may wait for its end"* ]]
}

@test "probe: says which step of reaching the server fails" {
	bench 5 probe ws://127.0.0.1:1
	has_line bench.err "cannot reach 'ws://127.0.0.1:1': connecting: connection refused"
	bench 5 probe ws://nosuch.invalid
	has_line bench.err "cannot reach 'ws://nosuch.invalid': looking up its name"
	command -v openssl >/dev/null || skip "no openssl"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out cert.pem -subj /CN=a -days 1
	start_odd tls tls
	bench 4 probe "wss://$tls_address"
	has_line bench.err "agreeing on TLS: the server's certificate is not trusted"
	bench 1 probe -k --transport sse "wss://$tls_address"
	is '.tls_ns > 0' true
	[[ $(way sse .problem) == *"no text/event-stream"* ]]
}

@test "find: the highest rate at which the limits hold, by doubling and halving, over the same connections" {
	start_server server
	bench 0 find -c 5 -r 100/s -d 200ms --max sent=100,lost=0,dup=0
	is '.highest_per_s >= 450 and .highest_per_s <= 500' true
	is .limited_by server
	is '[.steps[].rate_per_s][0:4] | join(" ")' "100 200 400 800"
}

@test "find: limits that hold at no rate" {
	start_server server
	bench 1 find -c 2 -r 16/s -d 200ms --max p99=1ns
	is .highest_per_s 0
	has_line bench.err "the limits hold at no rate"
	bench 5 find --max lost=0 --retry 0 ws://127.0.0.1:1
	has_line bench.err "connection refused"
	run rt-bench find
	[ "$status" -eq 2 ]
}

@test "a path in the URL is where a proxy puts the server: all is asked below it" {
	start_server server
	bench 5 fanout -c 1 -r 10/s -d 200ms "ws://$server_address/nope"
	get '.errors[].text' | grep -F "/nope/ws/bench."
	run rt-bench probe "http://$server_address/nope"
	[ "$status" -ne 0 ]
}

@test "--pid of a process that is not there is refused before the load" {
	start_server server
	run rt-bench idle -c 1 -d 100ms --pid 4194304 "ws://$server_address"
	[ "$status" -eq 2 ]
	[[ $output == *"there is no process 4194304"* ]]
}
