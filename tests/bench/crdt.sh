#!/bin/bash
# crdt.sh [RT-CRDT-MERGE] - the speed of rt-crdt-merge in CPU seconds, against a jansson DOM merge in the same run.
#
# A row is the best of three runs each: CPU seconds (user and system), peak memory, and how many times the yardstick takes longer. Needs
# 700 MB below $TMPDIR, python3, and a compiler with jansson; BIG=10 adds a pair of pipes of so many GB in all.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
tool=${1:-$top/build/release/rt-crdt-merge}
tool=$(realpath "$tool")
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1

cat > dom.c <<'END'
#include <jansson.h>
/* Merges two maps of counts or registers, or two orsets, by way of a tree: what a program of an hour would be. */
static void join_map(json_t *a, json_t *b)
{
	const char *key;
	json_t *y;

	json_object_foreach(b, key, y) {
		json_t *x = json_object_get(a, key);
		if (!x || (json_is_integer(y) ? json_integer_value(x) < json_integer_value(y) :
			json_integer_value(json_object_get(x, "timestamp")) < json_integer_value(json_object_get(y, "timestamp"))))
			json_object_set(a, key, y);
	}
}
static json_t *by_elem(json_t *set)
{
	json_t *out = json_object(), *pair;
	size_t i;

	json_array_foreach(json_object_get(set, "state"), i, pair)
		json_object_set(out, json_string_value(json_array_get(pair, 0)), json_array_get(pair, 1));
	return out;
}
int main(int argc, char **argv)
{
	json_error_t e;
	json_t *a = json_load_file(argv[1], JSON_REJECT_DUPLICATES, &e), *b = NULL;
	FILE *f;

	if (argc == 3) { /* NDJSON */
		f = fopen(argv[1], "r");
		a = json_object();
		while ((b = json_loadf(f, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &e))) {
			join_map(a, b);
			json_decref(b);
		}
	} else {
		b = json_load_file(argv[2], JSON_REJECT_DUPLICATES, &e);
		if (json_object_get(a, "state")) {
			a = by_elem(a);
			b = by_elem(b);
		}
		join_map(a, b);
	}
	return json_dump_file(a, argv[argc - 1], JSON_COMPACT | JSON_SORT_KEYS);
}
END
cc -O2 -o dom dom.c -ljansson || exit 1

python3 - <<'END'
import random
random.seed(1)
N = 1000000
def write(name, items, shuffle=False):
    if shuffle:
        random.shuffle(items)
    open(name, 'w').write('{' + ','.join(items) + '}\n')
count = lambda i: '"node-%07d":%d' % (i, random.getrandbits(40))
entry = lambda i: '"key-%07d":{"node_id":"n%d","timestamp":%d,"value":"v%016d"}' % (
    i, random.randrange(10), 1700000000000 + random.randrange(10**9), random.randrange(10**15))
for k in '12':
    write('sorted' + k, [count(i) for i in range(N)])
    write('shuffled' + k, [count(i) for i in range(N)], True)
    write('lww' + k, [entry(i) for i in range(N)])
    write('lwws' + k, [entry(i) for i in range(N)], True)
    at = int(k) * 20000
    open('orset' + k, 'w').write('{"crdt":"orset/1","ctx":{"vv":{"a":%d,"b%s":100000}},"state":[' % (at + 100000, k) + ','.join(
        '["elem-%07d",[["a",%d]]]' % (i, i + 1) for i in range(at, at + 100000)) + ']}\n')
with open('states', 'w') as f:
    for _ in range(1000):
        f.write('{' + ','.join(count(i) for i in range(1000)) + '}\n')
END

best() { # COMMAND...: "CPU KB" of the best of three
	for _ in 1 2 3; do
		command time -o t -f '%U %S %M' "$@" > /dev/null 2> /dev/null
		awk '{print $1 + $2, $3}' t
	done | sort -n | head -1
}

row() { # NAME UNITS FILE...
	local name=$1 units=$2 ours theirs
	shift 2
	ours=$(best "$tool" -q "$@" -o out)
	theirs=$(best ./dom "$@" out.dom)
	echo "$name|$units|$ours|$theirs|$(cat "$@" | wc -c)" | tr ' ' '|' | awk -F'|' '{
		gsub("_", " ", $1); printf "%-32s %6.3f s %6.1f M/s %6.0f MB/s %7.1f MiB  dom %6.2f s  %5.1fx\n", $1, $3, $2 / $3 / 1e6, $7 / $3 / 1e6, $4 / 1024, $5, $5 / $3 }' 
}

row '2_x_1e6_slots,_sorted' 2000000 sorted1 sorted2
row '1000_states_x_1000_slots' 1000000 states
row '2_x_1e6_slots,_shuffled' 2000000 shuffled1 shuffled2
row '2_x_1e6_LWW_map,_sorted' 2000000 lww1 lww2
row '2_x_1e6_LWW_map,_shuffled' 2000000 lwws1 lwws2
row '2_x_1e5_orset' 200000 orset1 orset2
echo '{"a":1}' > small
python3 - "$tool" <<'END'
import subprocess, sys, time
t = time.time()
for _ in range(200):
    subprocess.run([sys.argv[1], 'small'], stdout=subprocess.DEVNULL)
print('start-up                         %6.2f ms' % ((time.time() - t) * 5))
END
if [ "${BIG:-}" ]; then
	slots() { awk -v n="$((BIG * 22000000))" 'BEGIN { printf "{"; for (i = 0; i < n; i++) printf "%s\"node-%010d\":%d", i ? "," : "", i, i % 7; print "}" }'; }
	command time -f "$BIG GB of pipes                  %U+%S s %M KB" "$tool" <(slots) <(slots) -o /dev/null
fi
