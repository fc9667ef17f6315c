#!/bin/sh
# first-contact.sh run|demo BUILD - what `make run` and `make demo` show.
#
# run:  serves on 127.0.0.1:8080 (or another port when that is taken) until Ctrl-C, and says what to paste into a second terminal.
# demo: serves on a free port, pipes a small feed through rt-pub, shows rt-sub receiving it over every transport, and ends
#       with status 0 if every one of them received all of it.
set -u
mode=$1
bin=$(cd "$2" && pwd)
dir=$(mktemp -d) || exit 1
server=

finish() {
	[ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
	rm -rf "$dir"
}
trap finish EXIT
trap 'exit 130' INT TERM

# serve LISTEN... - starts rt-serve and sets $address from its ready line.
serve() {
	mkfifo "$dir/ready"
	"$bin/rt-serve" "$@" > "$dir/ready" 2> "$dir/log" &
	server=$!
	read -r ready < "$dir/ready" || { cat "$dir/log" >&2; rm -f "$dir/ready"; server=; return 1; }
	rm -f "$dir/ready"
	address=$(echo "$ready" | sed 's/.*"listen":\["\([^"]*\)".*/\1/')
}

run() {
	serve -l 8080 2>/dev/null || serve -l 0 || exit 6
	url=
	[ "$address" = 127.0.0.1:8080 ] || url=" -u $address"
	cat <<-EOF

	rt-serve is at $address (Ctrl-C ends it). In a second terminal, try:

	  $bin/rt-sub$url lobby &
	  echo '{"text":"hello"}' | $bin/rt-pub$url lobby
	  curl -s 'http://$address/history/lobby'

	EOF
	trap 'echo; exit 0' INT TERM # Ctrl-C is how it is meant to end
	wait "$server"
	server=
}

# A feed of ten messages.
feed() {
	i=0
	while [ $i -lt 10 ]; do
		i=$((i + 1))
		echo "{\"type\":\"reading\",\"n\":$i,\"celsius\":2$i.5}"
	done
}

demo() {
	serve -l 0 || exit 6
	echo "1. rt-serve is at $address, on the embedded bus."
	for t in "" http:// sse+http:// poll+http://; do
		name=$(echo "${t:-ws://}" | sed 's|://||')
		"$bin/rt-sub" -u "$t$address" --since earliest -n 10 -w 20s demo > "$dir/out.$name" &
		eval "sub_$(echo "$name" | tr -d '+')=$!"
	done
	echo "2. Four rt-subs wait in room 'demo': ws, http (an NDJSON stream), sse+http, poll+http."
	echo "3. Ten lines of JSON go into rt-pub:"
	feed > "$dir/in"
	sed 's/^/     /' "$dir/in" | head -3
	echo "     ..."
	"$bin/rt-pub" -u "$address" demo < "$dir/in" || exit 1
	echo "   Status 0: every line was acknowledged."
	echo "4. What came out, compared byte for byte with what went in:"
	failed=0
	for name in ws http sse+http poll+http; do
		eval "wait \$sub_$(echo "$name" | tr -d '+')"
		if cmp -s "$dir/in" "$dir/out.$name"; then
			printf '     %-10s 10 of 10, the same bytes\n' "$name"
		else
			printf '     %-10s DIFFERS\n' "$name"
			failed=1
		fi
	done
	echo "5. The history is still there: curl http://$address/history/demo?limit=2"
	curl -s "http://$address/history/demo?limit=2" | sed 's/^/     /'
	kill "$server" && wait "$server"
	rc=$?
	server=
	echo "6. SIGTERM: rt-serve drained and ended with status $rc."
	[ $failed -eq 0 ] && [ $rc -eq 0 ]
}

case $mode in
run | demo) $mode ;;
*) exit 2 ;;
esac
