#!/bin/sh
# man-lint.sh - mandoc has nothing to say against the manuals. Speaks TAP.
set -u
cd "$(dirname "$0")/.." || exit 1
n=0 failed=0
if ! command -v mandoc > /dev/null; then
	echo "1..0 # SKIP mandoc is not installed"
	exit 0
fi
for page in man/*.[1-9]; do
	n=$((n + 1))
	if said=$(mandoc -T lint -W warning "$page" 2>&1) && [ -z "$said" ]; then
		echo "ok $n - $page"
	else
		echo "not ok $n - $page"
		echo "$said" | sed 's/^/# /'
		failed=1
	fi
done
# What a page refers to within the family exists.
for ref in $(sed -n 's/^\.Xr \(rt[a-z-]*\) \([1-9]\).*/\1.\2/p' man/*.[1-9] | sort -u); do
	n=$((n + 1))
	if [ -f "man/$ref" ]; then
		echo "ok $n - $ref is there"
	else
		echo "not ok $n - $ref is referred to and is not there"
		failed=1
	fi
done
echo "1..$n"
exit $failed
