#!/bin/sh
# man-lint.sh - mandoc has nothing to say against the manuals, nor systemd against their units. Speaks TAP.
#
# A unit is the example after a line `.\" file: NAME`.
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
n=$((n + 1))
if command -v systemd-analyze > /dev/null; then
	dir=$(mktemp -d)
	awk -v dir="$dir" '
	/^\.\\" file: / { file = dir "/" $3; next }
	file && /^\.Bd/ { inside = 1; next }
	inside && /^\.Ed/ { inside = 0; close(file); file = ""; next }
	inside { sub(/^ExecStart=[^ ]*/, "ExecStart=/bin/true"); sub(/^Documentation=.*/, ""); print > file }' man/*.[1-9]
	said=$(systemd-analyze verify "$dir"/*.service "$dir"/*.socket 2>&1 | grep -F rt-serve)
	if [ -z "$said" ] && [ -s "$dir/rt-serve.service" ] && [ -s "$dir/rt-serve.socket" ]; then
		echo "ok $n - the units"
	else
		echo "not ok $n - the units"
		echo "$said" | sed 's/^/# /'
		failed=1
	fi
	rm -rf "$dir"
else
	echo "ok $n - the units # SKIP systemd-analyze is not installed"
fi
echo "1..$n"
exit $failed
