#!/bin/bash
# man-examples.sh [PAGE...] - runs the examples of the manuals and README.md and compares what they print. Speaks TAP.
#
# In a manual an example is a test when the line before its `.Bd -literal` is one of
#
#	.\" test            run it in a directory and with a server of its own
#	.\" test continues  ... in those of the test before it, which goes on
#
# and in README.md when the line before its ``` is <!-- test --> or <!-- test continues -->.
#
# Lines that begin with "$ " are commands of one shell, run one after the other; lines that follow with "> " continue one.
# Other lines are what the command before them prints, stdout and stderr together. An example without any "$ " is one
# script, of which only the status 0 is looked at. In expected lines "..." stands for anything, and a line that is just
# "..." for any number of lines. Positions, times (_ts) and names of connections differ from run to run: all are alike.
#
# RT_URL names the server; 127.0.0.1:8080 and localhost:8080 in commands become its address, and so does the address in
# what they print. A line `$ rt-serve &` is passed over: it runs already.
set -u
cd "$(dirname "$0")/.." || exit 1
top=$PWD
bin=${RT_BIN:-$top/build/release}
[ $# -gt 0 ] || set -- man/*.[1-9] README.md
work=$(mktemp -d) || exit 1
server=
PATH=$bin:$PATH
export PATH LC_ALL=C.UTF-8 NO_COLOR=1 RT_LAG_MAX_MS=60000
unset RT_TOKEN XDG_CONFIG_HOME

stop_server() {
	[ -n "$server" ] && kill "$server" 2>/dev/null && wait "$server" 2>/dev/null
	server=
}
trap 'stop_server; rm -rf "$work"' EXIT

start_server() {
	local ready
	stop_server
	rm -f "$work/ready"
	mkfifo "$work/ready"
	"$bin/rt-serve" -l 127.0.0.1:0 > "$work/ready" 2> "$work/server.log" &
	server=$!
	read -r -t 10 ready < "$work/ready" || { cat "$work/server.log" >&2; return 1; }
	address=${ready#*\"listen\":[\"}
	address=${address%%\"*}
	export RT_URL=ws://$address
}

# Writes each test of a page to $work/tests/N: its kind in the first line, then its text.
extract() {
	awk -v dir="$work/tests" '
	function text(line) {
		gsub(/\\&/, "", line); gsub(/\\e/, "\\", line); gsub(/\\-/, "-", line)
		gsub(/\\\(aq/, "\047", line); gsub(/\\\(dq/, "\"", line)
		return line
	}
	/^\.\\" test$/ || /^<!-- test -->$/ { kind = "new"; next }
	/^\.\\" test continues$/ || /^<!-- test continues -->$/ { kind = "continues"; next }
	kind && !inside && (/^\.Bd -literal/ || /^```/) {
		inside = 1; md = /^```/
		file = sprintf("%s/%03d", dir, ++n)
		print kind, NR > file
		next
	}
	inside && (md ? /^```$/ : /^\.Ed/) { inside = 0; kind = ""; close(file); next }
	inside { print md ? $0 : text($0) > file; next }
	kind { print "a mark without an example" > (dir "/bad"); kind = "" }' "$1"
}

# What differs from run to run.
alike() {
	sed -E -e 's/[0-9a-f]{16}(-[0-9]+){1,2}/POSITION/g' -e 's/"_ts":[0-9]{10,}/"_ts":TIME/g' \
		-e 's/"(last_seen|lag_s|since_s|duration_s)":[0-9.]+/"\1":N/g' -e 's/"conn":"c[0-9a-f]+"/"conn":"C"/g' \
		-e "s/${address//./\\.}/127.0.0.1:8080/g" -e 's/localhost:8080/127.0.0.1:8080/g' -e 's/[[:space:]]+$//'
}

# compare WANTED GOT: "..." stands for anything, a line of it for any lines.
compare() {
	awk '
	function fits(want, got,    parts, n, i, at) {
		n = split(want, parts, /\.\.\./)
		if (n < 2)
			return want == got
		if (substr(got, 1, length(parts[1])) != parts[1])
			return 0
		got = substr(got, length(parts[1]) + 1)
		for (i = 2; i < n; i++) {
			at = index(got, parts[i])
			if (!at)
				return 0
			got = substr(got, at + length(parts[i]))
		}
		return length(got) >= length(parts[n]) && substr(got, length(got) - length(parts[n]) + 1) == parts[n]
	}
	NR == FNR { want[++w] = $0; next }
	{ got[++g] = $0 }
	END {
		for (i = j = 1; i <= w; i++) {
			if (want[i] == "...") {
				if (i == w)
					exit 0
				while (j <= g && !fits(want[i + 1], got[j]))
					j++
				continue
			}
			if (j > g || !fits(want[i], got[j]))
				exit 1
			j++
		}
		exit j <= g
	}' "$1" "$2"
}

# run FILE: the commands go to `script` with a mark after each, what they print to `got`, what they should to `wanted`.
run() {
	local file=$1 status
	if ! grep -q '^\$ ' "$file"; then
		tail -n +2 "$file" | sed -E "s/(127\.0\.0\.1|localhost):8080/$address/g" > "$work/script"
		(cd "$work/dir" && timeout 60 bash "$work/script" > "$work/got" 2>&1 < /dev/null)
		status=$?
		: > "$work/wanted"
		return $status
	fi
	awk -v script="$work/script" -v wanted="$work/wanted" -v address="$address" '
	function mark() { if (n) { print "_s=$?; echo; echo @@" n "; (exit $_s)" > script; print "\n@@" n > wanted } }
	BEGIN { printf "" > script; printf "" > wanted }
	NR == 1 { next }
	/^> / { sub(/^> /, ""); gsub(/(127\.0\.0\.1|localhost):8080/, address); print > script; next }
	/^\$ / {
		mark(); n++
		sub(/^\$ /, "")
		if ($0 ~ /^rt-serve( +#.*| *)&$/ || $0 ~ /^rt-serve &/) $0 = ":"
		gsub(/(127\.0\.0\.1|localhost):8080/, address)
		print > script
		next
	}
	{ print > wanted }
	END { mark() }' "$file"
	(cd "$work/dir" && timeout 60 bash "$work/script" > "$work/raw" 2>&1 < /dev/null)
	alike < "$work/raw" | cat -s > "$work/got"
	alike < "$work/wanted" | cat -s > "$work/wanted.alike"
	compare "$work/wanted.alike" "$work/got"
}

n=0 failed=0
report() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n - $2"
	else
		echo "not ok $n - $2"
		failed=$((failed + 1))
	fi
}

for page; do
	[ -f "$page" ] || { report 1 "$page: there is no such page"; continue; }
	rm -rf "$work/tests"
	mkdir "$work/tests"
	extract "$page"
	[ -e "$work/tests/bad" ] && report 1 "$page: a mark without an example"
	for t in "$work"/tests/[0-9]*; do
		[ -f "$t" ] || continue
		read -r kind line < "$t"
		if [ "$kind" = new ]; then
			rm -rf "$work/dir"
			mkdir "$work/dir"
			start_server || { report 1 "$page line $line: no server"; continue; }
		fi
		run "$t"
		rc=$?
		report $rc "$page line $line"
		[ $rc = 0 ] || diff "$work/wanted.alike" "$work/got" 2>/dev/null | sed 's/^/# /'
	done
done
echo "1..$n"
[ $failed -eq 0 ]
