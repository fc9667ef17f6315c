# rt-serve.bats - options, exit statuses and what is printed; what it serves is in rules.bats and paths.bats
load lib

setup() { rt_setup; }
teardown() { rt_teardown; }

@test "settings that make no sense are usage errors, told in one line" {
	local args
	while read -r args; do
		run -2 --separate-stderr rt-serve $args --check
		[ "${stderr_lines[1]}" = "try 'rt-serve -h'" ] || { echo "$args: $stderr"; return 1; }
		[ "$output" = "" ]
	done <<-EOF
		-l 1:2:3
		-l 70000
		-l unix:
		--presence redis://localhost
		--slow never
		--origin example.org
		--origin https://
		--origin https://example.org/
		--origin https://example.org:443
		--origin http://example.org:80
		--origin https://*.example.org
		--origin https://bücher.example
		--origin https://a@example.org
		--origin self
		--origin ://example.org
		--max-message 1
		operand
	EOF
}

@test "an origin that no browser sends is refused with the one that was meant" {
	run -2 rt-serve --check --origin example.org
	[ "${lines[0]}" = "rt-serve: --origin 'example.org': an origin begins with its scheme, as a browser sends it: https://example.org" ]
	run -2 rt-serve --check --origin https://example.org:443/
	[ "${lines[0]}" = "rt-serve: --origin 'https://example.org:443/': an origin is scheme://host[:port], as a browser sends it: https://example.org" ]
	run -2 rt-serve --check --origin self
	[ "${lines[0]}" = "rt-serve: --origin 'self': pages of the server's own host are let in always" ]
	rt-serve --check --origin '*' --origin null --origin HTTPS://Example.org --origin http://example.org:443 --origin http://[::1]:80000 \
		--origin app+x://localhost > /dev/null && return 1
	rt-serve --check --origin '*' --origin null --origin HTTPS://Example.org --origin http://example.org:443 --origin 'http://[::1]:8000' \
		--origin app+x://localhost > /dev/null
}

@test "a file of options that cannot be read is the system's fault" {
	run -6 rt-serve --config nowhere
	[ "$output" = "rt-serve: cannot open 'nowhere': no such file or directory" ]
}

@test "what --check prints is a file of options that says the same" {
	local options
	while read -r options; do
		rt-serve $options --check >one
		grep -v '^#' one >conf
		rt-serve --config conf --check >two
		diff one two || { echo "$options"; return 1; }
	done <<-'EOF'
		-q
		--history 7 --slow a.>=latest --slow b=close --slow close -l unix:s -l 9000 --origin http://x --publish-rate 5/s
		--history 0 --history-bytes 1000 --history-age 1h30m --memory 3g --idle 1500ms --ping forever --log json
		--max-connections 5 --address-connections 9 --address-request-rate 100/m --address-publish-rate 0.7/s
		--publish-rate 12.345678912/s --dedup 0 --dedup-max 0 --presence-grace 0 --presence-ttl 1d1h1m1s1ms
	EOF
}

@test "--check prints times, sizes and rates as options take them" {
	rt-serve --check --history-bytes 2048k --idle 90s --publish-rate 10000 >out
	grep -qx 'history-bytes 2m' out
	grep -qx 'idle 1m30s' out
	grep -qx 'publish-rate 10k/s' out
	grep -qx 'memory 256m' out
	grep -qx 'dedup 2m' out
}

@test "SIGHUP without a file of options says that there is nothing to read" {
	start_server server
	kill -HUP "$server_pid"
	wait_for has_line server.log "rt-serve: warning: SIGHUP: nothing to read again without --config"
}

@test "SIGHUP names what cannot change, and changes the rest" {
	printf '%s\n' 'listen 127.0.0.1:0' 'max-message 100' >conf
	mkfifo ready
	rt-serve --config conf >ready 2>server.log 3>&- </dev/null &
	pids+=($!)
	exec {ready_fd}<ready
	read -r -t 20 line <&"$ready_fd"
	export RT_URL=ws://$(jq -r '.listen[0]' <<<"$line")
	printf '%s\n' 'listen 127.0.0.1:0' 'listen 127.0.0.2:0' 'bus test://x' 'verbose' 'max-message 64' >conf
	kill -HUP "${pids[0]}"
	wait_for has_line server.log reloaded
	diff - server.log <<-EOF
		rt-serve: warning: 'listen' cannot change while the server runs: ignored until a restart
		rt-serve: warning: 'bus' cannot change while the server runs: ignored until a restart
		rt-serve: info: reloaded
	EOF
	run -1 rt-pub a '{"x":"0123456789012345678901234567890123456789012345678901234567890123456789"}'
	# what runs is what is compared, not what was read last
	printf '%s\n' 'listen 127.0.0.1:0' 'verbose' >conf
	kill -HUP "${pids[0]}"
	wait_for eval '[ "$(grep -c reloaded server.log)" = 2 ]'
	[ "$(grep -c "'listen'" server.log)" = 1 ]
	rt-pub a '{}'
}

@test "the examples of -h hold" {
	rt-serve -h | sed -n 's/^  *\(rt-serve .*\)#.*/\1 --check/p' >examples
	[ "$(wc -l <examples)" -eq 3 ]
	bash -e examples >out
}

@test "a room of many segments is warned of, once" {
	start_server server
	rt-pub a.b.c.d.e '{}'
	rt-pub a.b.c.d.e.f '{}' '{}'
	[ "$(cat server.log)" = "rt-serve: warning: room 'a.b.c.d.e.f' has 6 segments: NATS advises 5 at most" ]
}

@test "a ready line that cannot be written ends it; a stdout that was closed does not" {
	run -6 bash -c 'rt-serve -l 0 >/dev/full'
	rt-serve -l unix:sock >&- 2>server.log 3>&- &
	server_pid=$!
	wait_for rt-sub -u unix:sock -e lobby
	kill -TERM "$server_pid"
	wait "$server_pid"
}

@test "a pipe is no file of options: it would hold the server up" {
	mkfifo conf
	run -2 rt-serve --config conf -l 0
	[[ $output == *"'conf' is a pipe, not a file"* ]]
}
