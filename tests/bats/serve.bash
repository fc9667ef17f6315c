# serve.bash - for tests that run rt-serve through the Python tools of tests/tools

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return 1
	RT_BIN=${RT_BIN:-$PWD/build/test}
	export RT_BIN PYTHONDONTWRITEBYTECODE=1
	export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
	export TMPDIR=$BATS_TEST_TMPDIR
}

# tool NAME ARGS... : must succeed; what it printed is shown when it does not
tool() {
	run timeout -k 5 100 python3 "tests/tools/$1.py" "${@:2}"
	echo "$output"
	[ "$status" -eq 0 ]
}

# Programs built without TEST=1 have no test bus.
need_test_bus() {
	"$RT_BIN/rt-serve" -V | grep -q '^bus test:' || skip "no test bus in $RT_BIN"
}
