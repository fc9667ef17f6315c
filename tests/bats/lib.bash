# lib.bash - what the tests of the programs share
#
# Every test has a directory of its own ($BATS_TEST_TMPDIR, the working directory) and starts the servers it needs on ports of
# the system's choice. Nothing sleeps: what takes time is waited for by what it does. All processes started here end with the test.

# The status of what a test runs is looked at, not that of a pipe's last part alone.
set -o pipefail
bats_require_minimum_version 1.5.0

rt_setup() {
	local top
	top=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	PATH=${RT_BIN:-$top/build/test}:$PATH
	cd "$BATS_TEST_TMPDIR" || return 1
	unset RT_URL RT_TOKEN NO_COLOR
	export RT_LAG_MAX_MS=60000 # rt-bench may be late here: machines that test are busy, and timing decides no test
	export XDG_CONFIG_HOME=$PWD/config
	pids=()
}

rt_teardown() {
	local pid
	for pid in "${pids[@]}"; do
		kill -KILL "$pid" 2>/dev/null
		wait "$pid" 2>/dev/null
	done
	return 0
}

# start_server NAME [options]: its address goes to $NAME_address, its URL to $NAME_url; with NAME `server` also to RT_URL.
start_server() {
	local name=$1 line address
	shift
	mkfifo "$name.ready"
	rt-serve -l 0 "$@" >"$name.ready" 2>"$name.log" 3>&- </dev/null &
	pids+=($!)
	printf -v "${name}_pid" %s $!
	# The other end stays open: the server must not die of a reader that left.
	exec {ready_fd}<"$name.ready"
	read -r -t 20 line <&"$ready_fd" || { cat "$name.log"; return 1; }
	address=${line#*'"listen":["'}
	address=${address%%'"'*}
	printf -v "${name}_address" %s "$address"
	printf -v "${name}_url" %s "ws://$address"
	if [ "$name" = server ]; then
		export RT_URL=ws://$address
	fi
}

# start_odd NAME KIND [ADDRESS]: a server that is odd (tests/tools/odd.py); its address goes to $NAME_address
start_odd() {
	local name=$1 address
	shift
	mkfifo "$name.ready"
	python3 "$BATS_TEST_DIRNAME/../tools/odd.py" "$@" >"$name.ready" 2>"$name.log" 3>&- </dev/null &
	pids+=($!)
	exec {odd_fd}<"$name.ready"
	read -r -t 20 address <&"$odd_fd" || { cat "$name.log"; return 1; }
	printf -v "${name}_address" %s "$address"
}

# background NAME COMMAND...: stdout to NAME.out, stderr to NAME.err, process id in $NAME_pid.
background() {
	local name=$1
	shift
	"$@" >"$name.out" 2>"$name.err" 3>&- </dev/null &
	pids+=($!)
	printf -v "${name}_pid" %s $!
}

# status_of PID: waits for it and puts its status into $status.
status_of() {
	status=0
	wait "$1" || status=$?
}

# wait_for COMMAND...: until it succeeds; each try takes a moment because it asks the server or reads a file.
wait_for() {
	local tries=400
	until "$@" >/dev/null 2>&1; do
		((tries-- > 0)) || { echo "never true: $*"; return 1; }
		read -r -t 0.05 <> <(:) || true
	done
}

# subscribed ROOM [N]: until N (1) subscribers are in it.
subscribed() {
	wait_for eval "rt-sub -L -f '{subscribers}' '$1' | grep -qx '${2:-1}'"
}

has_line() {
	grep -q -- "$2" "$1"
}

# equals FILE TEXT: the file has exactly these lines.
equals() {
	diff <(printf '%s\n' "$2") "$1"
}

# numbers N: N messages, a line each.
numbers() {
	seq "$1" | sed 's/.*/{"type":"chat","n":&,"x":1.50, "t":"\\u00e9 é"}/'
}
