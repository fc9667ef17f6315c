# rt-bench-generator.bats - runs that fail by the tool's own fault: they are void, and no server is blamed
load bench

setup() {
	bench_setup
	unset RT_LAG_MAX_MS
}

# at_least LIAR N: messages have gone through it
at_least() {
	told "$1" && jq -e --argjson n "$2" '.messages >= $n' <<<"$told"
}

@test "it was stopped for a second" {
	liar plain
	background run rt-bench fanout -c 5 -r 200/s -d 4s -f json -o run.report --max lost=0,p99=100ms --profile plain.json "ws://127.0.0.1:$plain_port"
	wait_for at_least plain 200
	kill -STOP "$run_pid"
	read -r -t 1 <> <(:) || true
	kill -CONT "$run_pid"
	done_with run 6
	report run "$clean" "$all_came" '.end == "generator" and (.why | length > 0)' '.lag_ns.max >= 0.9e9'
}

@test "it was stopped for a second in a run so long that the percentiles hide it" {
	liar plain
	background run rt-bench fanout -c 1 -r 2/s -d 5s -f json -o run.report --max lost=0 --profile plain.json "ws://127.0.0.1:$plain_port"
	wait_for at_least plain 3
	kill -STOP "$run_pid"
	read -r -t 1 <> <(:) || true
	kill -CONT "$run_pid"
	done_with run 6
	report run "$clean" "$all_came" '.end == "generator"'
}

@test "others use up the machine" {
	liar plain
	for hog in 1 2 3 4 5 6; do
		background "hog_$hog" sh -c 'while :; do :; done'
	done
	bench run plain plain.json fanout -c 20 -r 500/s -d 3s --max lost=0,dup=0,undeclared=0
	done_with run 0 6
	report run "$clean" "$all_came" '.end == "done" or .end == "generator"' '.end == "generator" or .lag_ns["p99"] <= 10e6'
}
