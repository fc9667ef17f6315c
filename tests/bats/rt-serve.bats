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
		--max-message 1
		operand
	EOF
}

@test "a file of options that cannot be read is the system's fault" {
	run -6 rt-serve --config nowhere
	[ "$output" = "rt-serve: cannot open 'nowhere': no such file or directory" ]
}

@test "what --check prints is a file of options that says the same" {
	rt-serve --history 7 --slow 'a.>=latest' -l unix:s --origin http://x --publish-rate 5/s --check >one
	grep -v '^#' one >conf
	rt-serve --config conf --check >two
	diff one two
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
