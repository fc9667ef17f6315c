#!/bin/sh
# run.sh BUILD [ROW...] - rt-serve against the yardstick, in turn, and what came of it
#
# Each row is measured in pairs, one server after the other, because a machine's mood changes over seconds; medians and their ratio
# are printed, and every run is kept in build/bench/ROW.json. A run whose deliveries do not add up is void and ends
# the whole. Nothing here passes or fails by time.
set -eu

build=$1
shift
wanted=${*:-all}
out=${build%/*}/bench
pairs=${PAIRS:-5}
seconds=${SECONDS_EACH:-2}
mkdir -p "$out"

# name | figure | arguments of load | what it is
rows='
ws-100       ns_per_delivery  -s_1000_-R_100              ws, 1000 subscribers x 100 msg/s
ws-1         ns_per_delivery  -s_1000_-b_1                ws, one message at a time to 1000
ws-64        ns_per_delivery  -s_1000_-b_64               ws, bursts of 64 to 1000
ws-rooms     ns_per_delivery  -s_5_-r_1000_-R_2000        ws, 1000 rooms x 5, 2000 msg/s
sse-100      ns_per_delivery  -t_sse_-s_1000_-R_100       sse, 1000 subscribers x 100 msg/s
sse-64       ns_per_delivery  -t_sse_-s_1000_-b_64        sse, bursts of 64 to 1000
stream-100   ns_per_delivery  -t_stream_-s_1000_-R_100    stream, 1000 subscribers x 100 msg/s
stream-64    ns_per_delivery  -t_stream_-s_1000_-b_64     stream, bursts of 64 to 1000
ws-idle      conn_bytes       -s_2000_-d_0.1              ws, bytes resident per idle connection of 2000
sse-idle     conn_bytes       -t_sse_-s_2000_-d_0.1       sse, bytes resident per idle connection of 2000
ws-accept    accept_ns        -s_2000_-d_0.1              ws, CPU ns per accepted connection
sse-accept   accept_ns        -t_sse_-s_2000_-d_0.1       sse, CPU ns per accepted connection
idle-9000    idle_ppm         -s_9000                     ws, 9000 idle: millionths of a core
acks         ns_per_message   -w_1024                     ws, one publisher, 1024 unacknowledged
'

figure() { sed -n 's/.*"'"$1"'":\([0-9.-]*\).*/\1/p' "$2" | sort -g; }
median() { figure "$1" "$2" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
spread() { figure "$1" "$2" | awk '{ v[NR] = $1 } END { printf "%s-%s", v[1], v[NR] }'; }

run() { # FILE SERVER...
	file=$1
	shift
	"$build/bench/load" $arguments -- "$@" >> "$file" || { echo "run.sh: $name: void" >&2; exit 1; }
}

printf '%-11s %12s %12s %6s  %-22s %-22s %s\n' row rt-serve limit ratio 'rt-serve (spread)' 'limit (spread)' figure
echo "$rows" | while read -r name what arguments title; do
	[ -n "$name" ] || continue
	case " $wanted " in *" all "* | *" $name "*) ;; *) continue ;; esac
	arguments="-d $seconds $(echo "$arguments" | tr _ ' ')"
	: > "$out/rt.tmp"
	: > "$out/limit.tmp"
	i=0
	while [ $i -lt "$pairs" ]; do
		run "$out/rt.tmp" "$build/rt-serve" -l 0 -q </dev/null
		run "$out/limit.tmp" "$build/bench/limit" span </dev/null
		i=$((i + 1))
	done
	a=$(median "$what" "$out/rt.tmp") b=$(median "$what" "$out/limit.tmp")
	ratio=$(awk "BEGIN { printf \"%.2f\", $b ? $a / $b : 0 }")
	printf '%-11s %12s %12s %6s  %-22s %-22s %s\n' "$name" "$a" "$b" "$ratio" "$(spread "$what" "$out/rt.tmp")" \
		"$(spread "$what" "$out/limit.tmp")" "$what: $title"
	{
		printf '{"row":"%s","title":"%s","figure":"%s","rt_serve":%s,"limit":%s,"ratio":%s,"rt_serve_runs":[\n' \
			"$name" "$title" "$what" "$a" "$b" "$ratio"
		sed '$!s/$/,/' "$out/rt.tmp"
		printf '],"limit_runs":[\n'
		sed '$!s/$/,/' "$out/limit.tmp"
		printf ']}\n'
	} > "$out/$name.json"
done
rm -f "$out/rt.tmp" "$out/limit.tmp"
