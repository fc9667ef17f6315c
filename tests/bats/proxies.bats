# proxies.bats - what stands between the clients and the server, and answers in its place

load lib

setup() { rt_setup; }
teardown() { rt_teardown; }

# An input that does not end: the fifo `in`, written to by $in_fd.
open_input() {
	mkfifo in
	exec {in_fd}<>in
}

@test "a proxy that gathers requests: the end of the input lets them through" {
	start_server server
	start_odd proxy gather "$server_address"
	numbers 900 >x
	timeout -k 5 60 rt-pub -u "http://$proxy_address" a <x 2>err
	[ ! -s err ]
	rt-sub -e a >y
	cmp x y
	timeout -k 5 60 rt-pub -u "http://$proxy_address" b '{"n":1}' '{"n":2}'
	open_input
	echo '{"n":3}' >&"$in_fd"
	timeout -k 5 60 rt-pub -u "http://$proxy_address" -n 1 b <in
	[ "$(rt-sub -e b)" = $'{"n":1}\n{"n":2}\n{"n":3}' ]
}

@test "a proxy that gathers requests, and an input that goes on: told once, published in batches" {
	rt-serve -V | grep -q '^bus test:' || skip "programs without TEST=1 wait for longer"
	start_server server
	start_odd proxy gather "$server_address"
	mkfifo in
	RT_STALL_MS=100 background pub sh -c "exec rt-pub -u 'http://$proxy_address' --window 4 a <in"
	exec {in_fd}>in
	local n
	for n in 1 2 3; do
		echo "{\"n\":$n}" >&"$in_fd"
		wait_for eval "[ \"\$(rt-sub -e a | tail -1)\" = '{\"n\":$n}' ]"
	done
	numbers 2000 >&"$in_fd"
	exec {in_fd}>&-
	status_of "$pub_pid"
	cat pub.err
	[ "$status" -eq 0 ]
	[ "$(rt-sub -e a | wc -l)" -eq 1000 ]
	[ "$(wc -l <pub.err)" -eq 1 ]
	[[ $(cat pub.err) == "rt-pub: warning: "*"http://$proxy_address"*"proxy_request_buffering off"* ]]
}

@test "who never answers is no connection: the bounds hold" {
	local how
	start_odd mute silent
	open_input
	for how in "-w 1s" "--retry 1s"; do
		run -5 timeout -k 5 60 rt-pub -u "http://$mute_address" $how a '{}'
		[ "${lines[0]}" = "rt-pub: cannot connect to 'http://$mute_address': no answer in time" ]
		[ "${lines[1]}" = "rt-pub: 1 message not acknowledged" ]
		run -5 timeout -k 5 60 rt-pub -u "http://$mute_address" $how a <in
		[ "$output" = "rt-pub: cannot connect to 'http://$mute_address': no answer in time" ]
	done
	run -5 timeout -k 5 60 rt-pub -u "http://$mute_address" -n 2 -w 1s a '{}' '{}'
	[[ $output == *"2 messages not acknowledged" ]]
}

@test "a proxy that wants a password is status 4" {
	local url who
	start_odd guard guard
	export http_proxy=http://$guard_address https_proxy=http://$guard_address no_proxy=
	for url in http https wss sse+http poll+https; do
		for who in "rt-sub -u $url://example.invalid a" "rt-pub -u $url://example.invalid a {}"; do
			run -4 timeout -k 5 60 $who
			[[ ${lines[0]} == *": cannot connect to '$url://example.invalid': the proxy answered 407 "*"_proxy" ]]
		done
	done
	run -4 timeout -k 5 60 rt-sub -L -u https://example.invalid
}

@test "who is turned away never had a connection, and is told by whom" {
	local who
	start_odd busy busy
	for who in "rt-sub a" "rt-pub a {}"; do
		run -5 timeout -k 5 60 ${who%% *} -u "http://$busy_address" --retry 0 ${who#* }
		[ "${lines[0]}" = "${who%% *}: cannot connect to 'http://$busy_address': the server answered 503: later" ]
	done
}
