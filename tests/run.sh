#!/bin/sh
# run.sh BUILD - runs every test of the tree against the programs in BUILD and counts.
#
# A test is a program that speaks TAP: the unit tests, tests/*.sh, and each bats file. Two run at a time; each has 300 s.
# One that ends without a plan, with a signal or too late counts as failed. Ends with "N passed, N failed" alone on a line.
set -u
build=$1
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
RT_BIN=$top/$build
log=$build/log
export RT_BIN
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
rm -rf "$log"
mkdir -p "$log"

{
	# By their sources: what else lies there is of another day.
	for t in tests/unit/test_*.c tests/fuzz/fuzz_*.c; do
		t=${t#tests/}
		echo "$build/${t%.c}"
	done
	for t in layers manuals completions man-lint man-options man-examples; do
		[ -f "tests/$t.sh" ] && echo "tests/$t.sh"
	done
	ls tests/bats/*.bats 2>/dev/null
} > "$log/tests"

cat > "$log/one" <<'EOF'
t=$1 log=$2
name=$(basename "$t")
out=$log/$name.tap
case $t in
*.bats) timeout -k 5 300 bats --tap "$t" > "$out" 2>&1 < /dev/null ;;
*.sh) timeout -k 5 300 bash "$t" > "$out" 2>&1 < /dev/null ;;
*/fuzz_*) timeout -k 5 300 "$t" "tests/fuzz/corpus/$name" > "$out" 2>&1 < /dev/null ;;
*) timeout -k 5 300 "$t" > "$out" 2>&1 < /dev/null ;;
esac
rc=$?
bad=$(grep -ac '^not ok' "$out")
good=$(grep -ac '^ok' "$out")
plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$out" | head -1)
if [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ] || [ "$((good + bad))" -ne "${plan:--1}" ]; then
	echo "not ok - $name ended with status $rc after $((good + bad)) of ${plan:-?} tests" >> "$out"
	bad=$((bad + 1))
fi
printf '%-28s %5d passed, %d failed\n' "$name" "$good" "$bad"
if [ "$bad" -gt 0 ]; then
	if [ "$plan" ]; then grep -a -A12 '^not ok' "$out" | head -60; else tail -40 "$out"; fi | sed 's/^/    /'
fi
EOF
xargs -P 2 -I{} sh "$log/one" {} "$log" < "$log/tests"

passed=$(cat "$log"/*.tap | grep -a '^ok' | grep -avc '# skip')
skipped=$(cat "$log"/*.tap | grep -a '^ok' | grep -ac '# skip')
failed=$(cat "$log"/*.tap | grep -ac '^not ok')
if [ "$skipped" -gt 0 ]; then
	grep -ah '^ok.*# skip' "$log"/*.tap | sed 's/^ok [0-9]* /skipped: /'
	if [ "${RT_REQUIRE:-}" = all ]; then
		echo "RT_REQUIRE=all: what is skipped has failed"
		failed=$((failed + skipped))
		skipped=0
	fi
fi
echo "$passed passed, $failed failed$([ "$skipped" -gt 0 ] && echo ", $skipped skipped")"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
