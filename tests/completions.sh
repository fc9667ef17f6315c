#!/bin/sh
# completions.sh - the completion files are what the option tables say. Speaks TAP.
set -u
cd "$(dirname "$0")/.." || exit 1
n=0 failed=0
for p in "$RT_BIN"/rt-*; do
	name=$(basename "$p")
	[ -x "$p" ] && [ -f "cmd/$name.c" ] || continue
	for shell in bash zsh fish; do
		n=$((n + 1))
		if "$p" --completion $shell | cmp -s - "completions/$name.$shell"; then
			echo "ok $n - completions/$name.$shell"
		else
			echo "not ok $n - completions/$name.$shell differs from the option table (make completions)"
			failed=1
		fi
	done
done
echo "1..$n"
exit $failed
