#!/bin/sh
# run.sh BUILD - the programs in BUILD against clients and servers that others wrote: browser, npm, PyPI, curl, nginx, Go.
#
# They are fetched once, with three tries, into ~/.cache/rt-tests, by lock files with checksums; nginx and its nchan are Debian's packages, unpacked
# there and not installed, since installing nginx starts it on port 80. Each part is a program that speaks TAP; two run at a
# time, each has 120 s. A part that cannot be fetched is skipped by name; with RT_REQUIRE=all it fails. Ends with "N passed, N failed" alone on a line.
# Centrifugo is built from its sources, which takes a quarter of an hour the first time: only RT_STRANGERS=all does that; then it is a part for good.
set -u
build=$1
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
cd "$top" || exit 1
RT_BIN=$top/$build
cache=${XDG_CACHE_HOME:-$HOME/.cache}/rt-tests
log=$build/real
export RT_BIN
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0 UBSAN_OPTIONS=print_stacktrace=1
rm -rf "$log" && mkdir -p "$log" "$cache" || exit 1

# thrice COMMAND... - until it succeeds.
thrice() {
	"$@" > "$log/fetch" 2>&1 || "$@" > "$log/fetch" 2>&1 || "$@" > "$log/fetch" 2>&1 || { tail -5 "$log/fetch"; return 1; }
}

# cached NAME FILE... - the directory for what these files ask for.
cached() {
	name=$1
	shift
	echo "$cache/$name-$(cat "$@" | sha256sum | cut -c1-16)"
}

npm_fetch() { (cd "$1" && npm ci --no-fund --no-audit --ignore-scripts --fetch-retries=1 --fetch-retry-mintimeout=1000); }
pip_fetch() { python3 -m venv "$1/venv" && "$1/venv/bin/pip" install --disable-pip-version-check -q --retries 1 --require-hashes -r "$here/requirements.txt"; }

refresh() { [ "${INSTALL:-yes}" != no ] && if [ "$(id -u)" = 0 ]; then apt-get update -qq; else sudo apt-get update -qq; fi; }
debs() { rm -f ./*.deb && apt-get download -qq nginx libnginx-mod-nchan; }
nginx_fetch() { (cd "$1" && { debs || { refresh && debs; }; } && for d in *.deb; do dpkg -x "$d" . || exit 1; done && usr/sbin/nginx -v); }

go_fetch() { (cd "$1" && GOFLAGS=-mod=readonly go build -o centrifugo github.com/centrifugal/centrifugo/v6); }

node=no npm=no python=no browser=no curl=no nchan=no
command -v node > /dev/null && [ "$(node -p 'parseInt(process.versions.node) >= 18')" = true ] && node=yes
command -v curl > /dev/null && [ $node = yes ] && curl=yes

if [ $node = yes ] && command -v npm > /dev/null; then
	modules=$(cached npm "$here/package.json" "$here/package-lock.json")
	if [ ! -f "$modules/done" ]; then
		mkdir -p "$modules"
		cp "$here/package.json" "$here/package-lock.json" "$here/.npmrc" "$modules"
		thrice npm_fetch "$modules" && touch "$modules/done"
	fi
	[ -f "$modules/done" ] && npm=yes
	NODE_PATH=$modules/node_modules
	export NODE_PATH
fi
venv=$(cached pip "$here/requirements.txt")
if [ ! -f "$venv/done" ] && command -v python3 > /dev/null; then
	mkdir -p "$venv"
	thrice pip_fetch "$venv" && touch "$venv/done"
fi
[ -f "$venv/done" ] && python=yes
RT_NGINX=$cache/nginx
if [ $npm = yes ] && [ ! -f "$RT_NGINX/done" ] && command -v apt-get > /dev/null; then
	mkdir -p "$RT_NGINX"
	thrice nginx_fetch "$RT_NGINX" && touch "$RT_NGINX/done"
fi
[ $npm = yes ] && [ -f "$RT_NGINX/done" ] && nchan=yes
export RT_NGINX
go=$(cached go "$here/go/go.mod" "$here/go/go.sum")
if [ "${RT_STRANGERS:-}" = all ] && [ ! -f "$go/done" ] && command -v go > /dev/null; then
	mkdir -p "$go"
	cp "$here/go/go.mod" "$here/go/go.sum" "$here/go/strangers.go" "$go"
	thrice go_fetch "$go" && touch "$go/done"
fi
RT_CENTRIFUGO=$go/centrifugo
export RT_CENTRIFUGO
RT_CHROMIUM=$(command -v chromium) && [ $npm = yes ] && browser=yes
export RT_CHROMIUM

# part NAME HAVE COMMAND... - one line for xargs, or a test that is skipped.
part() {
	name=$1 have=$2
	shift 2
	if [ "$have" = yes ]; then
		echo "$name $*"
	elif [ "${RT_REQUIRE:-}" = all ]; then
		printf 'not ok 1 - %s: what it needs could not be fetched\n1..1\n' "$name" > "$log/$name.tap"
	else
		printf 'ok 1 - %s # skip what it needs could not be fetched\n1..1\n' "$name" > "$log/$name.tap"
	fi
}

{
	part browser $browser node "$here/browser.js"
	part report $browser node "$here/report.js"
	part ws $npm node "$here/ws.js"
	part eventsource $npm node "$here/eventsource.js"
	part feed $npm node "$here/feed.js"
	part python $python "$venv/venv/bin/python" "$here/clients.py"
	part curl $curl node "$here/curl.js"
	part seed $npm node "$here/seed.js"
	part strict $node node "$here/strict.js"
	part npm-ws $npm node "$here/strangers.js" npm-ws
	part nchan $nchan node "$here/strangers.js" nchan
	if [ -f "$go/done" ]; then
		part centrifugo yes node "$here/strangers.js" centrifugo
	elif [ "${RT_STRANGERS:-}" = all ]; then
		part centrifugo no
	fi
} > "$log/parts"

cat > "$log/one" <<'EOF'
log=$1 name=$2
shift 2
out=$log/$name.tap
timeout -k 5 120 "$@" > "$out" 2>&1 < /dev/null
rc=$?
bad=$(grep -c '^not ok' "$out")
good=$(grep -c '^ok' "$out")
plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$out" | head -1)
if [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ] || [ "$((good + bad))" -ne "${plan:--1}" ]; then
	echo "not ok - $name ended with status $rc after $((good + bad)) of ${plan:-?} tests" >> "$out"
fi
EOF
xargs -r -P 2 -L 1 sh "$log/one" "$log" < "$log/parts"

for t in "$log"/*.tap; do
	echo "# $(basename "$t" .tap)"
	grep -v '^1\.\.' "$t"
done
passed=$(cat "$log"/*.tap | grep '^ok' | grep -vc '# skip')
failed=$(cat "$log"/*.tap | grep -c '^not ok')
cat "$log"/*.tap | grep '^not ok' | sed 's/^not ok/failed:/'
cat "$log"/*.tap | sed -n 's/^ok.* - \(.*\) # skip/skipped: \1 -/p'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
