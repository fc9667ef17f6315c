# rt-sub: what it prints, from where, until when, what -x makes of it, and how it ends

load lib

setup() { rt_setup; }
teardown() { rt_teardown; }

@test "-h: examples first, at most 40 lines, the family, on stdout" {
	run --separate-stderr rt-sub -h
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" -le 40 ]
	[[ ${lines[0]} == *"rt-sub lobby"* ]]
	[[ $output == *"The family: rt-serve rt-pub rt-sub"*"rt-crdt-merge"* ]]
	[[ $output != *" more: man rt-sub"* ]]
}

@test "usage errors are one line and a hint, status 2" {
	local args
	for args in "" "-t lobby" "-h lobby" "--nosuch a" "-f msgpack a" "-f protobuf a" "-f nonsense a" "-f {x a" \
		"-o {user_id} a" "--durable w a" "--ack-wait 3s a" "--events foo a" "--publish b a" "-x true -m a" \
		"-u redis://localhost a" "-u nats://localhost a" "a:b" "-s nonsense a" "-L a b" "--profile raw a"; do
		run --separate-stderr rt-sub $args </dev/null
		echo "$args: $status $stderr"
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 2 ]
		[ "${stderr_lines[1]}" = "try 'rt-sub -h'" ]
	done
}

@test "an address that is not one is refused, with what is wrong and what was meant" {
	local url want
	while read -r url want; do
		run --separate-stderr rt-sub -u "${url//_/ }" a
		echo "$url: $status $stderr"
		[ "$status" -eq 2 ]
		[[ ${stderr_lines[0]} == "rt-sub: '"*"$want"* ]]
	done <<-'END'
		8191 (try '127.0.0.1:8191')
		:8191 (try '127.0.0.1:8191')
		http//localhost after a scheme comes '://' (try 'http://localhost')
		ws:/localhost after a scheme comes '://' (try 'ws://localhost')
		ws://localhost_ white space around it (try 'ws://localhost')
		http:///x there is no host
		localhost:notaport the port is not a number from 1 to 65535
		localhost:99999 the port is not a number from 1 to 65535
		ws: has no host (ws://HOST:PORT)
	END
	run env RT_URL=8191 rt-pub a '{}'
	[ "$status" -eq 2 ]
	[[ ${lines[0]} == *"(try '127.0.0.1:8191')" ]]
}

@test "a URL with a room in its path is told that rooms are operands" {
	start_server server
	local url command
	for url in "ws://$server_address/ws/a" "http://$server_address/stream/a" "sse+http://$server_address/events/a" \
		"poll+http://$server_address/poll/a" "ws://$server_address/base"; do
		for command in "rt-sub -u $url a" "rt-pub -u $url a {}" "rt-sub -L -u $url"; do
			run timeout -k 5 30 $command
			echo "$command: $status $output"
			[[ $status == [23] ]]
			[[ $output == *"(rooms are operands, the URL is the server alone: ${url%%://*}://$server_address)"* ]]
		done
	done
	rt-pub -u "http://$server_address/" a '{"n":1}'
	[ "$(rt-sub -u "ws://$server_address/" -e a)" = '{"n":1}' ]
}

@test "--durable says which buses have groups" {
	run rt-sub --durable mailer jobs
	[[ $output == *"needs a bus with groups (redis+stream, jetstream, kafka)"* ]]
}

@test "-V names the version and what is built in" {
	run rt-sub -V
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == "rt-sub "* ]]
	[[ ${lines[1]} == *ws* ]]
}

@test "live messages, one line each, -n ends it" {
	start_server server
	background sub rt-sub -n 2 lobby
	subscribed lobby
	rt-pub lobby '{"n":1}' '{"n":2}' '{"n":3}'
	status_of "$sub_pid"
	[ "$status" -eq 0 ]
	equals sub.out $'{"n":1}\n{"n":2}'
}

@test "-m adds _id, _room, _ts in front" {
	start_server server
	rt-pub lobby '{"n": 1}'
	run rt-sub -me lobby
	[[ $output =~ ^\{\"_id\":\"[^\"]+\",\"_room\":\"lobby\",\"_ts\":[0-9]+,\"n\":\ 1\}$ ]]
}

@test "--since: earliest, last:N, an id, a duration; -e ends with what there is" {
	start_server server
	numbers 5 | rt-pub a
	[ "$(rt-sub -e a | wc -l)" -eq 5 ]
	[ "$(rt-sub -e -s last:2 a | wc -l)" -eq 2 ]
	[ "$(rt-sub -e -s 10m a | wc -l)" -eq 5 ]
	[ "$(rt-sub -e -s latest a | wc -l)" -eq 0 ]
	id=$(rt-sub -me a | sed -n 3p | jq -r ._id)
	[ "$(rt-sub -e -s "$id" a | jq -c .n)" = $'4\n5' ]
}

@test "-n before -w: fewer is status 1, none connected 5" {
	start_server server
	rt-pub a '{"n":1}'
	run rt-sub -s earliest -n 2 -w 300ms a
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = '{"n":1}' ]
	run rt-sub -u ws://127.0.0.1:1 -w 100ms a
	[ "$status" -eq 5 ]
	[[ $output == *"cannot connect to 'ws://127.0.0.1:1"* ]]
	run rt-sub -d 100ms a
	[ "$status" -eq 0 ]
}

@test "a gap is told and makes status 1; with --no-gap 7" {
	start_server server
	rt-pub a '{"n":1}'
	run --separate-stderr rt-sub -e -s aaaaaaaaaaaaaaaa-5 a
	[ "$status" -eq 1 ]
	[ "$output" = '{"n":1}' ]
	[[ $stderr == *"messages of 'a' are missing (epoch)"* ]]
	run --separate-stderr rt-sub -me -s aaaaaaaaaaaaaaaa-5 a
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == '{"_op":"gap","_room":"a",'* ]]
	[ -z "$stderr" ]
	run --separate-stderr rt-sub --no-gap -s aaaaaaaaaaaaaaaa-5 a
	[ "$status" -eq 7 ]
	[ -z "$output" ]
}

@test "-f: templates; a value cannot begin a line" {
	start_server server
	rt-pub a '{"user_id":"ada","text":"hi\nthere","n":1.50}'
	[ "$(rt-sub -e -f '{user_id}: {text} {n} {_room}' a)" = 'ada: hi\nthere 1.50 a' ]
}

@test "-0 ends lines with NUL" {
	start_server server
	rt-pub a '{"n":1}' '{"n":2}'
	rt-sub -0 -e a | tr '\0' '|' >out
	[ "$(cat out)" = '{"n":1}|{"n":2}|' ]
}

@test "the server's own events are asked for with --events" {
	start_server server
	background plain rt-sub -n 1 lobby
	background all rt-sub -n 2 --events join lobby
	subscribed lobby 2
	background ada rt-sub --user ada -n 1 lobby
	wait_for has_line all.out user_joined
	rt-pub lobby '{"n":1}'
	status_of "$all_pid"
	status_of "$plain_pid"
	[ "$(sed -n 2p all.out)" = '{"n":1}' ]
	equals plain.out '{"n":1}'
}

@test "-L: NDJSON in a pipe, a table when asked, a pattern, a template" {
	start_server server
	rt-pub chat.a '{}'
	rt-pub chat.b '{}' '{}'
	rt-pub other '{}'
	run rt-sub -L 'chat.*'
	[ "$(sort <<<"$output" | jq -c '[.room,.kept]')" = $'["chat.a",1]\n["chat.b",2]' ]
	[ "$(rt-sub -L -f '{room}' | grep -v ^_ | sort)" = $'chat.a\nchat.b\nother' ]
	run rt-sub -L -f table chat.b
	[[ ${lines[0]} == ROOM*SUBSCRIBERS*KEPT ]]
	[[ ${lines[1]} == chat.b* ]]
}

@test "a closed stdout ends it while it waits" {
	start_server server
	rt-pub a '{"n":1}'
	run sh -c "rt-sub -s earliest a | head -1"
	[ "$status" -eq 0 ]
	[ "$output" = '{"n":1}' ]
	# Nothing is ever published here: only looking at stdout can tell.
	run sh -c "rt-sub quiet | true"
	[ "$status" -eq 0 ]
	# It dies of SIGPIPE, as a filter does; one that had ended before is fine.
	run bash -o pipefail -c "rt-sub -s earliest a | head -1"
	[ "$status" -eq 141 ]
	[ "$output" = '{"n":1}' ]
	run bash -o pipefail -c "rt-sub -s earliest -n 1 a | head -1"
	[ "$status" -eq 0 ]
}

@test "an empty operand is told by what it is" {
	run -2 rt-sub -e ''
	[ "${lines[0]}" = "rt-sub: room '' is empty (rooms are operands: rt-sub -e lobby)" ]
	run -2 rt-sub a ''
	[ "${lines[0]}" = "rt-sub: room '' is empty (rooms are operands: rt-sub -e lobby)" ]
	run -2 rt-sub -L ''
	[ "${lines[0]}" = "rt-sub: pattern '' is empty (without one, all rooms: rt-sub -L)" ]
	run -2 rt-pub '' '{}'
	[ "${lines[0]}" = "rt-pub: room '' is empty (without a room each line names its own)" ]
}

@test "a full disk is status 6" {
	start_server server
	rt-pub a '{"n":1}'
	run --separate-stderr sh -c "rt-sub -e a >/dev/full"
	[ "$status" -eq 6 ]
	[ "$stderr" = "rt-sub: cannot write to stdout: no space left on device" ]
}

@test "a slow reader loses nothing within --buffer, and the flags of its pipe stay" {
	start_server server --history 100000 --history-bytes 64m
	numbers 50000 >x
	rt-pub a <x
	mkfifo slow
	background sub sh -c "exec rt-sub -e a >slow"
	exec {slow_fd}<slow
	head -c 10 <&"$slow_fd" >first
	{ cat first; cat <&"$slow_fd"; } >y
	cmp x y
	status_of "$sub_pid"
	[ "$status" -eq 0 ]
}

@test "--cursor-file: each run goes on where the last one ended" {
	start_server server
	numbers 6 | rt-pub a
	rt-sub --cursor-file pos -n 2 a >one
	rt-sub --cursor-file pos -n 2 a >two
	rt-sub --cursor-file pos -e a >three
	numbers 6 | cmp - <(cat one two three)
	[ "$(stat -c %a pos)" = 600 ]
}

@test "--cursor-file: a room added later begins at its earliest" {
	start_server server
	rt-pub a '{"n":1}'
	rt-sub --cursor-file pos -e a >out
	rt-pub b '{"n":2}'
	rt-pub a '{"n":3}'
	[ "$(rt-sub --cursor-file pos -e a b | sort)" = $'{"n":2}\n{"n":3}' ]
}

@test "--cursor-file: a pattern is covered by one position" {
	start_server server
	rt-pub chat.a '{"n":1}'
	rt-pub chat.b '{"n":2}'
	[ "$(rt-sub --cursor-file pos -n 1 'chat.>')" = '{"n":1}' ]
	rt-pub chat.a '{"n":3}'
	[ "$(rt-sub --cursor-file pos -e 'chat.>')" = $'{"n":2}\n{"n":3}' ]
}

@test "--cursor-file: what stdout did not take is not passed" {
	start_server server
	rt-pub a '{"n":1}'
	run sh -c "rt-sub --cursor-file pos -e a >/dev/full"
	[ "$status" -eq 6 ]
	[ "$(rt-sub --cursor-file pos -e a)" = '{"n":1}' ]
}

@test "-o {room}: a file each; SIGHUP reopens; a cursor file appends" {
	start_server server
	background sub rt-sub -o 'logs/{room}.ndjson' a b # makes the directory
	subscribed a
	rt-pub a '{"n":1}'
	rt-pub b '{"n":2}'
	wait_for has_line logs/b.ndjson 2
	equals logs/a.ndjson '{"n":1}'
	mv logs old
	kill -HUP "$sub_pid"
	rt-pub a '{"n":3}'
	wait_for has_line logs/a.ndjson 3
	equals old/a.ndjson '{"n":1}'
	rt-sub --cursor-file pos -n 1 -o all a
	rt-sub --cursor-file pos -e -o all a
	equals all $'{"n":1}\n{"n":3}'
}

@test "a bridge loses nothing when either side is killed" {
	start_server server --history 10000
	start_server other --history 10000
	numbers 2000 >x
	rt-pub lobby <x
	local round
	for round in 1 2 3 4; do
		rt-sub -m -s @pos -n 700 lobby | rt-pub -u "$other_url" --cursor-file pos --window $((round * 7)) \
			-n $((round * 130)) lobby 2>/dev/null || true
	done
	rt-sub -me -s @pos lobby | rt-pub -u "$other_url" --cursor-file pos lobby 2>/dev/null
	rt-sub -u "$other_url" -e lobby >y
	cmp x y
}

@test "a bridge of a pattern goes on at the oldest position of its rooms" {
	start_server server
	rt-pub chat.a '{"n":1}'
	rt-pub chat.b '{"n":2}'
	rt-sub -me -s @pos 'chat.>' | rt-pub --cursor-file pos copy
	rt-pub chat.b '{"n":3}'
	rt-sub -me -s @pos 'chat.>' | rt-pub --cursor-file pos copy 2>/dev/null
	[ "$(rt-sub -e copy)" = $'{"n":1}\n{"n":2}\n{"n":3}' ]
}

@test "SIGTERM: the position is saved, then it dies of the signal" {
	start_server server
	rt-pub a '{"n":1}'
	background sub rt-sub --cursor-file pos a
	wait_for has_line sub.out 1
	kill -TERM "$sub_pid"
	status_of "$sub_pid"
	[ "$status" -eq 143 ]
	rt-pub a '{"n":2}'
	[ "$(rt-sub --cursor-file pos -e a)" = '{"n":2}' ]
}

@test "--cursor-file: what a symbolic link names is written, and no link beside it" {
	start_server server
	rt-pub a '{"n":1}'
	mkdir there
	: >there/pos
	ln -s there/pos pos
	rt-sub --cursor-file pos -e a >one
	[ -L pos ]
	has_line there/pos '"room":"a"'
	echo mine >victim
	ln -s victim trap.tmp
	run -6 rt-sub --cursor-file trap -e a
	equals victim mine
}

@test "it resumes by itself after the server was killed" {
	start_server server -l unix:"$PWD/socket"
	background sub rt-sub -m -n 2 -u "unix:$PWD/socket" a
	subscribed a
	rt-pub a '{"n":1}'
	wait_for has_line sub.out '"n":1'
	kill -KILL "$server_pid"
	wait_for has_line sub.out '"_op":"down"'
	rm -f socket
	start_server second -l unix:"$PWD/socket"
	rt-pub -u "$second_url" a '{"n":2}'
	status_of "$sub_pid"
	[ "$status" -eq 1 ]
	# It may have tried in vain before the second one listened.
	[ "$(jq -c '._op // .n' sub.out | uniq | tr '\n' ' ')" = '1 "down" "up" "gap" 2 ' ]
}

@test "-x: the message on stdin, what it is in the environment" {
	start_server server
	rt-pub a '{"type":"job","n":1}' '{"type":"job","n":2}'
	run rt-sub -e -x 'cat; echo $RT_ROOM $RT_TYPE $RT_ATTEMPT; test "$RT_ID" && test "$RT_TS"' a
	[ "$status" -eq 0 ]
	[ "$output" = $'{"type":"job","n":1}\na job 1\n{"type":"job","n":2}\na job 1' ]
}

@test "-x: 65, failures and dead letters" {
	start_server server
	rt-pub a '{"n":1}'
	run rt-sub -e -x 'exit 65' a
	[ "$status" -eq 1 ]
	[[ $output == *"of 'a' given up: exit status 65"* ]]
	run rt-sub -e -x 'echo $RT_ATTEMPT; exit 1' --max-deliver 2 --dead-letter dead a
	[ "$status" -eq 0 ]
	[ "$output" = $'1\n2' ]
	run rt-sub -me dead
	[[ $output == *'"_attempt":2,"_from":"a","_reason":"exit status 1, 2 attempts","n":1}' ]]
	# And run again, as the manual says.
	rt-sub -me dead | jq --unbuffered -c '._room=._from' | rt-pub --fresh
	[ "$(rt-sub -e a | wc -l)" -eq 2 ]
}

@test "-x: a command that cannot be run stops it with 6, the message unfinished" {
	start_server server
	rt-pub a '{"n":1}'
	run rt-sub --cursor-file pos -e -x './no-such-command' a
	[ "$status" -eq 6 ]
	[ "$(rt-sub --cursor-file pos -e -x cat a)" = '{"n":1}' ]
}

@test "-x --publish: the lines, once, also when the job is done again" {
	start_server server
	rt-pub a '{"n":1}' '{"n":2}'
	local i
	for i in 1 2; do
		rt-sub -e -x "jq -c '{m:.n},{m:0}'" --publish out a
	done
	[ "$(rt-sub -e out | jq -c .m | tr '\n' ' ')" = "1 0 2 0 " ]
}

@test "-x -j: rooms run side by side, one room in order" {
	start_server server
	rt-pub a '{"n":1}' '{"n":2}'
	rt-pub b '{"n":3}'
	# The first of `a` waits for `b`, which was published later.
	run rt-sub -e -j 2 -x 'read -r m; case $m in *1*) until [ -e go ]; do :; done;; *3*) : >go;; esac; echo "$m"' a b
	[ "$(sort <<<"$output")" = $'{"n":1}\n{"n":2}\n{"n":3}' ]
	[ "$(grep -v 3 <<<"$output")" = $'{"n":1}\n{"n":2}' ]
}

@test "-x: on SIGTERM a running command may finish, and counts" {
	start_server server
	rt-pub a '{"n":1}' '{"n":2}'
	background sub rt-sub -v --cursor-file pos -x ': >started; until [ -e go ]; do :; done; cat' a
	wait_for test -e started
	kill -TERM "$sub_pid"
	wait_for grep -q SIGTERM sub.err
	: >go
	status_of "$sub_pid"
	[ "$status" -eq 143 ]
	equals sub.out '{"n":1}'
	[ "$(rt-sub --cursor-file pos -e a)" = '{"n":2}' ]
}

@test "--profile raw prints frames of any server" {
	start_server server
	background sub rt-sub --profile raw -u "$server_url/ws/a?meta=0" -n 1
	subscribed a
	rt-pub a '{"n":1}'
	status_of "$sub_pid"
	wait_for has_line sub.out '"n":1'
}

@test "-L of a server without rooms prints nothing" {
	start_server server
	[ -z "$(rt-sub -L)" ]
	run -6 bash -c 'rt-sub -L -f table >/dev/full'
}

@test "on a terminal control characters are harmless and rooms are named" {
	start_server server
	rt-pub a '{"t":"\u001b[31m‮x"}'
	run script -qec "rt-sub -e --color never -f '{t}' a b" /dev/null
	[[ $output == *'a: '* ]]
	[[ $output != *$'\e'* ]]
	[[ $output == *'\u202e'* ]]
}

# liar RULE: tests/tools/liar.py; its URL without a scheme goes to $liar.
liar() {
	rm -f liar.out
	background liar python3 "$BATS_TEST_DIRNAME/../tools/liar.py" "$1" polls
	wait_for has_line liar.out .
	liar=127.0.0.1:$(cat liar.out)
}

@test "a server that answers polls at once and empty is not asked without end" {
	local rule
	for rule in e E o eo; do
		liar "$rule"
		run rt-sub -u "poll+http://$liar" -d 2s a
		[ "$status" -eq 0 ]
		[ -z "$output" ]
		echo "$rule: $(wc -l <polls) polls in 2 s"
		# It goes on asking, and at most as often as 0, 0, 0.1, 0.3, 0.7, 1.5 s allow, with one to spare.
		[ "$(wc -l <polls)" -ge 2 ]
		[ "$(wc -l <polls)" -le 7 ]
	done
}

@test "messages that polls bring one by one are not slowed, nor after idle polls" {
	liar eeemmmmeem
	# Each poll paced like an idle one would make this an hour.
	run timeout -k 5 60 rt-sub -u "poll+http://$liar" -n 1000 a
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 1000 ]
	[ "${lines[999]}" = '{"n":1000}' ]
	[ "$(wc -l <polls)" -le 1006 ]
}

@test "on a terminal it says once that there is no connection yet; in a pipe nothing until the end" {
	local command trying="cannot connect to 'ws://127.0.0.1:1': connection refused, trying for 500ms (Ctrl-C stops)"
	for command in "rt-sub -u ws://127.0.0.1:1 --retry 500ms a" "rt-pub -u ws://127.0.0.1:1 --retry 500ms a {}"; do
		run -5 script -qec "$command" /dev/null
		[ "$(grep -c 'trying for' <<<"$output")" -eq 1 ]
		[[ ${lines[0]} == "${command%% *}: $trying"* ]]
		run -5 script -qec "$command -q" /dev/null
		[[ $output != *trying* ]]
		run -5 $command
		[[ $output != *trying* && $output != *again* ]]
		[[ ${lines[0]} == "${command%% *}: cannot connect to"* ]]
	done
}

@test "on a terminal it says when the server has come" {
	local socket=$PWD/socket
	background sub script -qec "rt-sub -n 1 --retry forever -u unix:$socket a" /dev/null
	wait_for has_line sub.out "trying for ever (Ctrl-C stops)"
	start_server server -l "unix:$socket"
	wait_for has_line sub.out "rt-sub: connected"
	rt-pub -u "unix:$socket" a '{"n":1}'
	status_of "$sub_pid"
	[ "$status" -eq 0 ]
}

@test "a deadline that passes without a connection says what was in the way" {
	run -5 rt-sub -u ws://127.0.0.1:1 -n 1 -w 300ms a
	[ "$output" = "rt-sub: cannot connect to 'ws://127.0.0.1:1': connection refused" ]
}

@test "more rooms than a request has place for: http says so, ws takes them" {
	start_server server
	rt-pub a '{"n":1}'
	local s many
	mapfile -t many < <(seq -f 'a-room-with-a-long-name-%03g' 400)
	for s in http sse+http poll+http; do
		run -2 rt-sub -u "$s://$server_address" -e "${many[@]}" a
		[ "${lines[0]}" = "rt-sub: too many rooms for one http request (over 8192 bytes): use ws://" ]
		# As many as fit are served.
		[ "$(rt-sub -u "$s://$server_address" -e "${many[@]:0:200}" a)" = '{"n":1}' ]
	done
	[ "$(rt-sub -n 1 -s earliest "${many[@]}" a)" = '{"n":1}' ]
}

@test "-e ends after a gap over every transport" {
	start_server server
	rt-pub a '{"n":1}'
	rt-pub b '{"n":2}'
	local s
	for s in ws http sse+http poll+http; do
		run -1 --separate-stderr timeout -k 5 30 rt-sub -u "$s://$server_address" -e -s aaaaaaaaaaaaaaaa-5 a b
		[ "$output" = $'{"n":1}\n{"n":2}' ]
		run -1 --separate-stderr timeout -k 5 30 rt-sub -u "$s://$server_address" -e -s aaaaaaaaaaaaaaaa-5 empty
		[ -z "$output" ]
	done
}

@test "-e with more rooms than fit into a URL ends with the replay, not with the next sign of life" {
	start_server server
	rt-pub a '{"n":1}' '{"n":2}'
	rt-pub room-300 '{"n":3}'
	local many since
	mapfile -t many < <(seq -f 'room-%g' 300)
	for since in earliest last:1 10m; do
		# Signs of life are asked for every 15 s.
		run timeout -k 5 60 rt-sub -e -w 12s -s "$since" a "${many[@]}"
		echo "$since: $status $output"
		[ "$status" -eq 0 ]
		[[ $output == *'{"n":2}'* && $output == *'{"n":3}'* ]]
	done
}

@test "killed with a cursor file: nothing is missing, and what comes again is what came last" {
	start_server server --history 5000
	numbers 900 | rt-pub a
	background first rt-sub -o out --cursor-file pos a
	wait_for test -s pos
	numbers 900 | jq -c '.n += 900' | rt-pub a
	kill -KILL "$first_pid"
	wait "$first_pid" || true
	cp out before
	rt-sub -e -o out --cursor-file pos a
	local had again
	had=$(wc -l <before)
	{ head -n "$had" before; tail -c +$(($(stat -c %s before) + 1)) out; } | jq -r .n >n
	again=$(sed -n "$((had + 1))p" n)
	echo "had $had, again from $again"
	[ "$again" -le $((had + 1)) ]
	diff n <(seq "$had"; seq "$again" 1800)
}

@test "-L waits for a server that is about to come, and no longer than --retry" {
	local socket=$PWD/socket
	background list rt-sub -v -L -u "unix:$socket"
	wait_for has_line list.err .
	start_server server -l "unix:$socket"
	status_of "$list_pid"
	[ "$status" -eq 0 ]
	[ ! -s list.out ]
	run -5 timeout -k 5 60 rt-sub -L --retry 300ms -u ws://127.0.0.1:1
	[ "$output" = "rt-sub: cannot connect to 'ws://127.0.0.1:1': connection refused" ]
}
