# bench.bash - rt-bench against servers of tests/tools/liar_fanout.py
#
# rt-bench runs in the background and writes its report as JSON; what it says is asked with jq, `$told` being what the server says it did.
load lib

setup() {
	bench_setup
}

bench_setup() {
	rt_setup
	export PYTHONDONTWRITEBYTECODE=1 RT_RETRY_WINDOW_MS=300
	profile plain '"ws": { "path": "/pub/{room}", "message": "{room} {message}" }'
	profile acks '"ws": { "path": "/pub/{room}", "message": "{room} {message}", "ack": "\"ok\"" }'
	profile post '"post": { "path": "/pub/{room}", "headers": ["Content-Type: text/plain"] }'
	profile ready '"ws": { "path": "/pub/{room}", "message": "{room} {message}" }' ', "ready": "subscribed"'
	profile stamp '"ws": { "path": "/pub/{room}", "message": "{room} {stamp}" }'
}

teardown() {
	rt_teardown
}

# profile NAME PUBLISH [MORE]
profile() {
	local way="{ \"path\": \"/sub/{room}\"${3:-} }"
	echo "{ \"subscribe\": { \"ws\": $way, \"sse\": $way }, \"publish\": { $2 }, \"gaps\": [\"\\\"_op\\\":\\\"gap\\\"\"] }" >"$1.json"
}

# liar NAME [LIE...]: listens on $NAME_port
liar() {
	python_server "$1" liar_fanout "${@:2}"
}

# python_server NAME TOOL ARGS...
python_server() {
	local name=$1 tool=$2 line
	shift 2
	mkfifo "$name.ready"
	python3 "$BATS_TEST_DIRNAME/../tools/$tool.py" "$@" >"$name.ready" 2>"$name.log" 3>&- </dev/null &
	pids+=($!)
	exec {ready_fd}<"$name.ready"
	read -r -t 20 line <&"$ready_fd" || { cat "$name.log"; return 1; }
	printf -v "${name}_port" %s "$(jq .port <<<"$line")"
}

# bench NAME LIAR PROFILE ARGS...: in the background; its report goes to NAME.report
bench() {
	local name=$1 port=$2_port profile=$3
	shift 3
	background "$name" timeout -k 5 100 rt-bench "${@:-fanout}" -f json -o "$name.report" --profile "$profile" "ws://127.0.0.1:${!port}"
}

# done_with NAME STATUS...: it ended with one of these
done_with() {
	local pid=$1_pid name=$1
	status_of "${!pid}"
	shift
	[[ " $* " = *" $status "* ]] || { echo "$name: status $status"; cat "$name.err" "$name.report"; return 1; }
}

# report NAME 'JQ'...: each is true of it
report() {
	local name=$1 one
	shift
	for one; do
		jq -e --argjson told "${told:-null}" "$one" "$name.report" >/dev/null && continue
		echo "$name: not $one; the server did ${told:-nothing that is known}"
		jq -c 'del(.samples) | del(.. | .buckets?)' "$name.report"
		return 1
	done
}

# told LIAR: what it did, to $told
told() {
	local port=$1_port
	told=$(python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=20).read().decode())' "http://127.0.0.1:${!port}/counts")
}

clean='.lost == 0 and .undeclared == 0 and .dup == 0 and .reordered == 0 and .phantom == 0 and .corrupt == 0 and .unrecognised == 0 and
	.gaps == 0 and .broken == 0 and .failed == 0'
all_came='.received == .expected and .expected == .sent * .subscribers'
