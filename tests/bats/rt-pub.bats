# rt-pub: what goes out, what is refused, what is acknowledged, and how it ends

load lib

setup() { rt_setup; }
teardown() { rt_teardown; }

@test "-h: examples first, at most 40 lines, the family, on stdout" {
	run --separate-stderr rt-pub -h
	[ "$status" -eq 0 ]
	[ -z "$stderr" ]
	[ "${#lines[@]}" -le 40 ]
	[[ ${lines[0]} == *rt-pub* ]]
	[[ $output == *"The family: rt-serve rt-pub rt-sub"*"rt-crdt-merge"* ]]
	[[ $output == *"man 7 rt"* ]]
}

@test "-h with an operand is a usage error" {
	run --separate-stderr rt-pub -h lobby
	[ "$status" -eq 2 ]
	[ -z "$output" ]
	[ "${stderr_lines[1]}" = "try 'rt-pub -h'" ]
}

@test "usage errors are one line and a hint, status 2" {
	local args
	for args in "--nosuch" "-t lobby" "-n 0 a" "--full maybe a" "--text --wrap a" "--pace fast a" \
		"-f msgpack a" "-f protobuf a" "-u redis://localhost a" "-u @nosuch a" "a:b {}" "--prefix x. a"; do
		run --separate-stderr rt-pub $args </dev/null
		echo "$args: $status $stderr"
		[ "$status" -eq 2 ]
		[ -z "$output" ]
		[ "${#stderr_lines[@]}" -eq 2 ]
		[[ ${stderr_lines[0]} == "rt-pub: "* ]]
		[ "${stderr_lines[1]}" = "try 'rt-pub -h'" ]
	done
}

@test "letters of other tools are answered with the right one" {
	run rt-pub -t lobby
	[[ $output == *"rooms are operands: rt-pub lobby"* ]]
}

@test "every byte of a line comes out as it went in" {
	start_server server
	numbers 900 >x
	rt-pub a <x
	rt-sub --since earliest --until-end a >y
	cmp x y
}

@test "bytes come through every transport" {
	start_server server
	numbers 50 >x
	local scheme
	for scheme in ws http; do
		rt-pub -u "$scheme://$server_address" "r-$scheme" <x
		for sub in ws http sse+http poll+http; do
			rt-sub -u "$sub://$server_address" -e "r-$scheme" >y
			cmp x y
		done
	done
}

@test "a Unix socket carries it too" {
	start_server server -l unix:"$PWD/socket"
	numbers 5 >x
	rt-pub -u "unix:$PWD/socket" a <x
	rt-sub -u "unix:$PWD/socket" -e a >y
	cmp x y
}

@test "what is wrong with an operand, or with all of stdin, is said of its line" {
	start_server server
	run -1 rt-pub a '{"n":1}' hello
	[ "$output" = "rt-pub: line 2: not JSON: 'hello' (plain lines: --text)" ]
	run -1 rt-pub -1 a <<<hello
	[[ $output == "rt-pub: line 1: not JSON: 'hello"* ]]
}

@test "operands are messages" {
	start_server server
	rt-pub a '{"n":1}' '{"n":2}'
	run rt-sub -e a
	[ "$output" = $'{"n":1}\n{"n":2}' ]
}

@test "the room is the operand, else the line's _room, with --prefix" {
	start_server server
	echo '{"_room":"b","n":1}' | rt-pub a
	echo '{"_room":"b","n":2}' | rt-pub
	echo '{"_room":"b","n":3}' | rt-pub --prefix eu.
	[ "$(rt-sub -e a)" = '{"n":1}' ]
	[ "$(rt-sub -e b)" = '{"n":2}' ]
	[ "$(rt-sub -e eu.b)" = '{"n":3}' ]
	run rt-pub <<<'{"n":4}'
	[ "$status" -eq 1 ]
	[[ $output == "rt-pub: line 1: no room"* ]]
}

@test "a bad line is named, skipped, and makes status 1; --strict stops at it" {
	start_server server
	run rt-pub a <<<$'{"n":1}\nhello\n\n{"n":2}\r\n5\n{"_foo":1}'
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "rt-pub: line 2: not JSON: 'hello' (plain lines: --text)" ]
	[ "${lines[1]}" = "rt-pub: line 5: not an object: '5' (any JSON: --wrap)" ]
	[[ ${lines[2]} == "rt-pub: line 6: unknown reserved member '_foo'"* ]]
	[ "$(rt-sub -e a)" = $'{"n":1}\n{"n":2}' ]
	run rt-pub --strict b <<<$'{"n":1}\nhello\n{"n":2}'
	[ "$status" -eq 3 ]
	[ "$(rt-sub -e b)" = '{"n":1}' ]
}

@test "a line over --max-message is refused, the next one goes" {
	start_server server
	{ printf '{"t":"%020000d"}\n' 0; echo '{"n":1}'; } >x
	run rt-pub --max-message 1k a <x
	[ "$status" -eq 1 ]
	[[ $output == *"line 1: too l"* ]]
	[ "$(rt-sub -e a)" = '{"n":1}' ]
}

@test "--text, --wrap, -1 and --raw carry what is no object" {
	start_server server
	printf 'say "hi"\nbad \xff\n' | rt-pub -T t 2>err
	[ "$(rt-sub -e t)" = $'{"type":"message","text":"say \\"hi\\""}\n{"type":"message","text":"bad \xef\xbf\xbd"}' ]
	grep -q "not UTF-8" err
	echo '[1, {"_foo":2}]' | rt-pub --wrap w
	[ "$(rt-sub -e w)" = '[1, {"_foo":2}]' ]
	printf '{\n "a": 1\n}\n' | rt-pub -1 p
	[ "$(rt-sub -e p)" = '{  "a": 1 }' ]
	head -c 100000 /dev/urandom >bin
	rt-pub -1 --raw b <bin
	rt-sub -e --raw b >out
	cmp bin out
}

@test "--acks says what became of each line" {
	start_server server
	run rt-pub --acks a '{"n":1}' '{"n":2}'
	[ "$status" -eq 0 ]
	[[ ${lines[0]} == '{"_op":"ack","line":1,"_id":"'*'"}' ]]
	[[ ${lines[1]} == '{"_op":"ack","line":2,"_id":"'*'"}' ]]
}

@test "a line out of rt-sub -m is published once; --fresh publishes it again" {
	start_server server
	numbers 20 | rt-pub a
	rt-sub -me a >meta
	rt-pub b <meta
	run --separate-stderr rt-pub --acks b <meta
	[ "$status" -eq 0 ]
	[ "$(grep -c '"dup":true' <<<"$output")" -eq 20 ]
	[[ $stderr == *"20 of 20 messages had been published before"* ]]
	[ "$(rt-sub -e b | wc -l)" -eq 20 ]
	rt-pub --fresh b <meta
	[ "$(rt-sub -e b | wc -l)" -eq 40 ]
}

@test "three lines made of one are three messages, in every run" {
	start_server server
	rt-pub a '{"n":1}' '{"n":2}'
	rt-sub -me a | sed p >doubled
	rt-pub b <doubled
	rt-pub b <doubled
	[ "$(rt-sub -e b)" = $'{"n":1}\n{"n":1}\n{"n":2}\n{"n":2}' ]
}

@test "control lines are never sent; a gap is told and makes status 1" {
	start_server server
	run rt-pub a <<<$'{"_op":"up","url":"x"}\n{"n":1}\n{"_op":"down","_room":null}'
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	run rt-pub a <<<'{"_op":"gap","_room":"r","reason":"slow"}'
	[ "$status" -eq 1 ]
	[[ $output == *"messages of 'r' are missing before this line (slow)"* ]]
	[ "$(rt-sub -e a)" = '{"n":1}' ]
}

@test "--cursor-file: the source position of the last line acknowledged" {
	start_server server
	numbers 30 | rt-pub a
	rt-sub -me a >meta
	rt-pub --cursor-file pos b <meta
	[ "$(jq -r .id pos)" = "$(tail -1 meta | jq -r ._id)" ]
	[ "$(jq -r .room pos)" = a ]
}

@test "--cursor-file: an id is done when another line followed, or silence" {
	start_server server
	rt-pub a '{"n":1}' '{"n":2}'
	rt-sub -me a >meta
	mkfifo in
	rt-pub --cursor-file pos b <in 3>&- &
	pids+=($!)
	exec {in_fd}>in
	cat meta >&"$in_fd"
	# The pipe stays open: only silence can tell that the second id is whole.
	wait_for has_line pos "$(tail -1 meta | jq -r ._id)"
	exec {in_fd}>&-
}

@test "-n stops after so many, --number counts, --key and --id read members" {
	start_server server
	numbers 10 | rt-pub -n 3 a
	[ "$(rt-sub -e a | wc -l)" -eq 3 ]
	rt-pub --number b '{"t":1}' '{"t":2}'
	[ "$(rt-sub -e b | jq -c '[.n,.t]')" = $'[1,1]\n[2,2]' ]
	rt-pub --key .k c '{"k":"x","v":1}' '{"k":"x","v":2}'
	[ "$(rt-sub -e c)" = '{"k":"x","v":2}' ]
	rt-pub --id .m d '{"m":"1"}' 2>/dev/null
	rt-pub --id .m d '{"m":"1"}' 2>/dev/null
	[ "$(rt-sub -e d | wc -l)" -eq 1 ]
}

@test "no server: status 5 within --retry, and the lines are counted" {
	run rt-pub -u ws://127.0.0.1:1 --retry 0 a '{}'
	[ "$status" -eq 5 ]
	[[ $output == *"cannot connect to 'ws://127.0.0.1:1"* ]]
	[[ $output == *"1 message not acknowledged"* ]]
}

@test "lines survive a server that is killed and comes back" {
	start_server server -l unix:"$PWD/socket"
	mkfifo in
	background pub sh -c "exec rt-pub -v -u 'unix:$PWD/socket' a <in"
	exec {in_fd}>in
	echo '{"n":1}' >&"$in_fd"
	wait_for eval "rt-sub -u 'unix:$PWD/socket' -s earliest -n 1 -w 5s a"
	kill -KILL "$server_pid"
	wait "$server_pid" || true
	wait_for has_line pub.err "lost the connection to"
	echo '{"n":2}' >&"$in_fd"
	exec {in_fd}>&-
	rm -f socket
	start_server second -l unix:"$PWD/socket"
	status_of "$pub_pid"
	[ "$status" -eq 0 ]
	[ "$(rt-sub -u "$second_url" -e a)" = '{"n":2}' ]
}

@test "lines with an unknown outcome are sent again, and published once, in order" {
	rt-serve -V | grep -q '^bus test:' || skip "no test bus"
	start_server server -b "test://log$PWD/log?delay=4ms&unsure=0.02&unknown=0.005&seed=3"
	numbers 1000 >x
	local scheme
	for scheme in ws http; do
		RT_RETRY_WINDOW_MS=0 rt-pub -v -u "$scheme://$server_address" "r-$scheme" <x 2>err
		has_line err "lost the connection"
		rt-sub -s earliest -e "r-$scheme" >y
		cmp x y
	done
}

@test "SIGTERM and SIGINT: it dies of the signal" {
	start_server server
	mkfifo in
	local signal
	for signal in TERM:143 HUP:129; do
		background pub sh -c "exec rt-pub --acks a <in"
		exec {in_fd}>in
		echo '{"n":1}' >&"$in_fd"
		wait_for has_line pub.out ack
		kill -"${signal%:*}" "$pub_pid"
		status_of "$pub_pid"
		[ "$status" -eq "${signal#*:}" ]
		exec {in_fd}>&-
	done
}

@test "secrets: not in argv, not in messages" {
	background pub rt-pub -u ws://me:sesame@127.0.0.1:1 --retry 60s -H 'Authorization: Bearer sesame' -v a '{}'
	wait_for eval "tr '\\0' ' ' </proc/$pub_pid/cmdline | grep -F '***'"
	! grep -aq sesame "/proc/$pub_pid/cmdline"
	! grep -q sesame pub.err
}

@test "a profile gives options; with a secret it must be private" {
	start_server server
	mkdir -p config/rt
	printf 'url %s\n' "$RT_URL" >config/rt/here
	chmod 644 config/rt/here
	RT_URL=@here rt-pub a '{"n":1}'
	[ "$(rt-sub -u @here -e a)" = '{"n":1}' ]
	echo 'header Cookie: sesame' >>config/rt/here
	run rt-pub -u @here a '{}'
	[ "$status" -eq 2 ]
	[[ $output == *"others can read it"* ]]
	[[ $output != *sesame* ]]
	chmod 600 config/rt/here
	rt-pub -u @here a '{"n":2}'
}

@test "--acks into a full disk is status 6" {
	start_server server
	run --separate-stderr sh -c "rt-pub --acks a '{}' >/dev/full"
	[ "$status" -eq 6 ]
	[[ $stderr == *"no space left on device"* ]]
}

@test "--profile raw sends frames as they are" {
	start_server server
	rt-pub --profile raw -u "$server_url/ws/a" '{"n":1}' '{"n":2}'
	wait_for eval "[ \$(rt-sub -e a | wc -l) = 2 ]"
}
