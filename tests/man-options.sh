#!/bin/bash
# man-options.sh - each option of a program has an item in its manual, and the manual has no other. Speaks TAP.
set -u
cd "$(dirname "$0")/.." || exit 1
bin=${RT_BIN:-build/release}
n=0 failed=0

# The options of the items of a page, one a line: `.It Fl l , Fl -listen Ar ADDRESS` gives -l and --listen.
of_manual() {
	sed -n 's/^\.It Fl //p' "$1" | awk '{
		print "-" $1
		for (i = 2; i < NF; i++)
			if ($i == "Fl")
				print "-" $(i + 1)
	}' | sort -u
}

for page in man/rt-*.1; do
	program=$(basename "$page" .1)
	n=$((n + 1))
	differ=$(diff <("$bin/$program" --dump-options | grep -v "^--test-" | sort -u) <(of_manual "$page"))
	if [ -z "$differ" ]; then
		echo "ok $n - $program"
	else
		echo "not ok $n - $program: '<' is missing in its manual, '>' is no option"
		echo "$differ" | sed -n 's/^[<>]/# &/p'
		failed=1
	fi
done
for program in "$bin"/rt-*; do
	case $program in *.*) continue ;; esac
	n=$((n + 1))
	if [ -f "man/$(basename "$program").1" ]; then
		echo "ok $n - $(basename "$program") has a manual"
	else
		echo "not ok $n - $(basename "$program") has no manual"
		failed=1
	fi
done
# What -h names is what is built, and what rt(7) opens with.
built=$(cd cmd && ls rt-*.c | sed 's/\.c$//' | sort)
for program in $built; do
	n=$((n + 1))
	differ=$(diff <(echo "$built") <("$bin/$program" -h | sed -n 's/^The family: //p' | tr ' ' '\n' | sort))
	if [ -z "$differ" ]; then
		echo "ok $n - $program -h names the family"
	else
		echo "not ok $n - $program -h: '<' is built, '>' is named"
		echo "$differ" | sed -n 's/^[<>]/# &/p'
		failed=1
	fi
done
n=$((n + 1))
differ=$(diff <(echo "$built") <(sed -n '/^\.Sh DESCRIPTION/,/^\.El/s/^\.It Xr \(rt-[a-z-]*\) 1$/\1/p' man/rt.7 | sort))
if [ -z "$differ" ]; then
	echo "ok $n - rt(7) opens with the family"
else
	echo "not ok $n - rt(7): '<' is built, '>' is in its list"
	echo "$differ" | sed -n 's/^[<>]/# &/p'
	failed=1
fi
echo "1..$n"
exit $failed
