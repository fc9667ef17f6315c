#!/bin/sh
# layers.sh - the floors of lib/, headers that stand alone, and files that stay small. Speaks TAP.
#
# A file includes only from its own folder or those listed for it; includes of the tree are written from lib/. A file over 600
# lines is listed below with its reason.
set -u
cd "$(dirname "$0")/.." || exit 1
n=0 failed=0

ok() { # STATUS TEXT [DETAIL]
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else
		echo "not ok $n - $2"
		failed=1
		[ -n "${3:-}" ] && echo "$3" | sed 's/^/# /'
	fi
}

allowed() {
	case $1 in
	base) echo base ;;
	codec) echo base codec ;;
	crdt | room) echo base codec "$1" ;;
	bus) echo base codec bus ;;
	presence) echo base presence ;;
	net) echo base codec room net ;;
	client) echo base codec bus presence client ;;
	server) echo base codec crdt room bus presence net server ;;
	bench) echo base codec client bus bench ;;
	esac
}

for floor in lib/*/; do
	floor=$(basename "$floor")
	bad=
	for f in lib/"$floor"/*.[ch]; do
		for dep in $(sed -n 's|^#include "\([a-z_]*\)/.*|\1|p' "$f" | sort -u); do
			case " $(allowed "$floor") " in *" $dep "*) ;; *) bad="$bad$f includes $dep/
" ;; esac
		done
		bare=$(grep -n '^#include "[^/]*"' "$f")
		[ -n "$bare" ] && bad="$bad$f: an include not written from lib/: $bare
"
	done
	[ -z "$bad" ]
	ok $? "lib/$floor includes only from: $(allowed "$floor")" "$bad"
done

bad=
for f in cmd/*.[ch]; do
	top=$(sed -n 's|^#include "\([a-z_]*\)/.*|\1|p' "$f" | sort -u | grep -E '^(server|client|crdt|bench)$' | wc -l)
	[ "$top" -le 1 ] || bad="$bad$f includes more than one of server, client, crdt, bench
"
done
[ -z "$bad" ]
ok $? "a program stands on one of server, client, crdt, bench" "$bad"

flags=$(pkg-config --cflags libwebsockets libuv libcurl hiredis)
bad=
for h in lib/*/*.h cmd/*.h; do
	[ -f "$h" ] || continue
	# shellcheck disable=SC2086
	out=$(echo "#include \"$h\"" | ${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I. -Ilib -Icmd $flags -fsyntax-only -x c - 2>&1) ||
		bad="$bad$h: $out
"
done
[ -z "$bad" ]
ok $? "every header compiles alone" "$bad"

# File and why it may be longer than 600 lines.
exceptions='
lib/codec/scan.c one pass over JSON: its parts share registers and cannot be told apart without cost
'
bad=$(find lib cmd -name '*.[ch]' -exec wc -l {} + | awk '$2 != "total" && $1 > 600 {print $2, $1}' |
	while read -r f lines; do echo "$exceptions" | grep -q "^$f " || echo "$f has $lines lines"; done)
[ -z "$bad" ]
ok $? "no file is over 600 lines without a reason" "$bad"

bad=$(for f in $(find cmd -name 'rt-*.c'); do
	awk -v f="$f" '/^int main\(/ {inmain = NR} inmain && /^}/ {if (NR - inmain > 250) print f ": main has " NR - inmain " lines"; inmain = 0}' "$f"
done)
[ -z "$bad" ]
ok $? "no main is over 250 lines" "$bad"

bad=$(git ls-files '*.c' '*.h' 2>/dev/null | grep '^lib/' | grep -v '^lib/base/\(log\|mem\|str\|sig\)\.c$' |
	xargs grep -nE '\b(exit|abort|_exit) *\(|fprintf *\(stderr' 2>/dev/null)
[ -z "$bad" ]
ok $? "only cmd/ exits, only cmd/ and base/log.c write to stderr" "$bad"

echo "1..$n"
exit $failed
