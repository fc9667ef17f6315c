#!/bin/bash
# crdt.sh [RT-CRDT-MERGE] - the speed of rt-crdt-merge in CPU seconds, against a jansson DOM merge in the same run.
#
# A row: medians of PAIRS=3 runs in turn, CPU seconds (user and system) of ours and the yardstick, peak memory of ours, and how many times
# longer the yardstick takes. jq, which is slower still, runs once. Needs 700 MB below $TMPDIR, python3, jq, and a compiler with jansson;
# BIG=10 adds a pair of pipes of so many GB in all.
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

cat > pairs.py <<'END'
import os, statistics, sys
name, units, pairs, ours, theirs = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].split(), sys.argv[5].split()
null = os.open('/dev/null', os.O_WRONLY)
quiet = [(os.POSIX_SPAWN_DUP2, null, 1), (os.POSIX_SPAWN_DUP2, null, 2)]
def cpu(argv):
    used = os.wait4(os.posix_spawnp(argv[0], argv, os.environ, file_actions=quiet), 0)
    if used[1] != 0:
        sys.exit(f'{argv} ended with {used[1]}')
    return used[2].ru_utime + used[2].ru_stime
both = [(cpu(ours), cpu(theirs)) for _ in range(pairs)]
x, y = (statistics.median(c) for c in zip(*both))
os.system('command time -o mem -f %M ' + ' '.join(ours) + ' > /dev/null 2>&1')
size = sum(os.path.getsize(f) for f in ours[2:-2])
print(f"{name:26} {x:6.3f} s {units / x / 1e6:5.1f} M/s {size / x / 1e6:4.0f} MB/s {int(open('mem').read()) / 1024:6.1f} MiB"
    f"  (input {size / 2**20:5.1f})  dom {y:6.2f} s {y / x:5.1f}x")
END

row() { # NAME UNITS FILE...
	local name=$1 units=$2
	shift 2
	python3 pairs.py "$name" "$units" "${PAIRS:-3}" "$tool -q $* -o out" "./dom $* out.dom"
}

row '2 x 1e6 slots, sorted' 2000000 sorted1 sorted2
python3 - "$tool" <<'END'
import os, subprocess, sys
before = os.times()
subprocess.run([sys.argv[1], '-q', 'sorted1', 'sorted2', '-o', 'out'], check=True)
between = os.times()
want = open('out').read()
got = subprocess.run(['jq', '-cs', '[.[] | to_entries[]] | group_by(.key) | map({key: .[0].key, value: map(.value) | max}) | from_entries',
    'sorted1', 'sorted2'], check=True, stdout=subprocess.PIPE, text=True).stdout
after = os.times()
cpu = lambda a, b: b.children_user + b.children_system - a.children_user - a.children_system
print('%-26s %6.2f s  %5.0fx, %s' % ('  the same by jq', cpu(between, after), cpu(between, after) / cpu(before, between),
    'the same bytes' if got == want else 'NOT the same bytes'))
END
row '1000 states x 1000 slots' 1000000 states
row '2 x 1e6 slots, shuffled' 2000000 shuffled1 shuffled2
row '2 x 1e6 LWW map, sorted' 2000000 lww1 lww2
row '2 x 1e6 LWW map, shuffled' 2000000 lwws1 lwws2
row '2 x 1e5 orset' 200000 orset1 orset2
echo '{"a":1}' > small
python3 - "$tool" <<'END'
import os, subprocess, sys, time
wall, before = time.time(), os.times()
for _ in range(200):
    subprocess.run([sys.argv[1], 'small'], stdout=subprocess.DEVNULL)
after = os.times()
cpu = after.children_user + after.children_system - before.children_user - before.children_system
print('%-26s %6.2f ms, %.2f ms with waiting' % ('start-up', cpu * 5, (time.time() - wall) * 5))
END
if [ "${BIG:-}" ]; then
	slots() { awk -v n="$((BIG * 22000000))" 'BEGIN { printf "{"; for (i = 0; i < n; i++) printf "%s\"node-%010d\":%d", i ? "," : "", i, i % 7; print "}" }'; }
	command time -f "$BIG GB of pipes                  %U+%S s %M KB" "$tool" <(slots) <(slots) -o /dev/null
fi
