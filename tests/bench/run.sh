#!/bin/sh
# run.sh BUILD [ROW...] - rt-serve against the yardstick, in turn, and what came of it
#
# Each row is measured in pairs, one server after the other, because a machine's mood changes over seconds; medians, their ratio
# and the spread are printed, and every run is kept in build/bench/ROW.json. A run that does not add up (tests/bench/load.c says
# when) is void and made again, twice; a row that is void three times has no figure, and the status is 1 in the end. Nothing here
# passes or fails by time.
#
#   PAIRS=5             of each row
#   SECONDS_EACH=2      of each run
#   LATE_MAX_MS=10      p99 of how late load itself may be; more than 10 only shows that a row works, its figure means nothing
#   OTHER=NAME=COMMAND  another server, measured beside in rows of WebSockets: it prints {"listen":["127.0.0.1:PORT"]}, takes GET
#                       /ws/ROOM, and sends each message, a JSON object that begins with {"_room":"ROOM", to the room's subscribers, as
#                       text frames that end as the message does
set -u

build=$1
shift
wanted=${*:-all}
out=${build%/*}/bench
pairs=${PAIRS:-5}
seconds=${SECONDS_EACH:-2}
late_max_ms=${LATE_MAX_MS:-10}
other=${OTHER:-}
other_name=${other%%=*}
other_command=${other#*=}
failed=0
mkdir -p "$out"

if [ -n "$other" ] && [ "$other_name" = "$other" ]; then
	echo "run.sh: OTHER is NAME=COMMAND, not '$other'" >&2
	exit 2
fi

# name | figure | arguments of load | what it is
pair_rows='
ws-100       ns_per_delivery  -s_1000_-R_100              ws, 1000 subscribers x 100 msg/s
ws-1         ns_per_delivery  -s_1000_-b_1                ws, one message at a time to 1000
ws-64        ns_per_delivery  -s_1000_-b_64               ws, bursts of 64 to 1000
ws-rooms     ns_per_delivery  -s_5_-r_1000_-R_2000        ws, 1000 rooms x 5, 2000 msg/s
ws-p99       p99_us           -s_1000_-R_100              ws, 1000 subscribers x 100 msg/s: from written to read, p99
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
drop-cpu     drop_ns          -s_1_-R_1000_-i_10000_-D    ws, 10,000 idle reset at once: CPU ns of each
drop-stall   stall_us         -s_1_-R_1000_-i_10000_-D    ws, the same: the longest delay of others meanwhile
'

# name | option of load | what there is 10, 100, 1000 and 10,000 of beside 100 subscribers of one room x 500 msg/s
flat_rows='
flat-idle      -i  idle connections, each in its room
flat-rooms     -j  rooms with a kept message
flat-patterns  -k  patterns of others
'
flat_load='-s 100 -R 500'

figure() { sed -n 's/.*"'"$1"'":\([0-9.-]*\).*/\1/p' "$2" | sort -g; }
median() { figure "$1" "$2" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
spread() { figure "$1" "$2" | awk '{ v[NR] = $1 } END { printf "%s-%s", v[1], v[NR] }'; }
ratio() { awk "BEGIN { printf \"%.2f\", $2 ? $1 / $2 : 0 }"; }
runs() { sed '$!s/$/,/' "$1"; }
is_wanted() { case " $wanted " in *" all "* | *" $1 "*) ;; *) return 1 ;; esac }

# Appends a run of load to FILE. Status 1: void each time; 3: the machine does not allow it.
run() { # FILE ARGUMENTS SERVER...
	file=$1 arguments=$2
	shift 2
	for try in 1 2 3; do
		# shellcheck disable=SC2086
		timeout -k 5 300 "$build/bench/load" -l "$late_max_ms" -d "$seconds" $arguments -- "$@" > "$out/run.tmp" 2> "$out/why.tmp" </dev/null
		status=$?
		if [ $status -eq 0 ]; then
			cat "$out/run.tmp" >> "$file"
			return 0
		fi
		echo "run.sh: $name, try $try: $(tail -1 "$out/why.tmp" | sed 's/^load: //')" >&2
		[ $status -eq 3 ] && return 3
	done
	return 1
}

run_rt() { run "$1" "$2" "$build/rt-serve" -l 0 -q --max-connections 12000; }
run_limit() { run "$1" "$2" "$build/bench/limit" span; }
run_other() { # shellcheck disable=SC2086
	run "$1" "$2" $other_command
}

void() { # ROW TITLE
	printf '%-14s void: %s\n' "$1" "$2"
	failed=1
}

# Only rows of WebSockets that need no acks, and not twice the same.
is_for_other() {
	[ -n "$other" ] || return 1
	case $name in ws-* | idle-* | drop-*) ;; *) return 1 ;; esac
}

pair_row() { # NAME FIGURE ARGUMENTS TITLE
	name=$1 what=$2 arguments=$3 title=$4
	rm -f "$out/$name.json"
	: > "$out/rt.tmp"
	: > "$out/limit.tmp"
	: > "$out/other.tmp"
	i=0
	while [ $i -lt "$pairs" ]; do
		if ! run_rt "$out/rt.tmp" "$arguments" || ! run_limit "$out/limit.tmp" "$arguments" ||
			{ is_for_other && ! run_other "$out/other.tmp" "$arguments"; }; then
			void "$name" "$title"
			return
		fi
		i=$((i + 1))
	done
	a=$(median "$what" "$out/rt.tmp") b=$(median "$what" "$out/limit.tmp")
	printf '%-14s %10s %10s %6s  %-20s %-20s' "$name" "$a" "$b" "$(ratio "$a" "$b")" "$(spread "$what" "$out/rt.tmp")" \
		"$(spread "$what" "$out/limit.tmp")"
	if [ -n "$other" ]; then
		c=- r=- s=-
		is_for_other && c=$(median "$what" "$out/other.tmp") r=$(ratio "$a" "$c") s=$(spread "$what" "$out/other.tmp")
		printf ' %10s %6s  %-20s' "$c" "$r" "$s"
	fi
	printf ' %s\n' "$what: $title"
	{
		printf '{"row":"%s","title":"%s","figure":"%s","rt_serve":%s,"limit":%s,"ratio":%s,"rt_serve_runs":[\n' \
			"$name" "$title" "$what" "$a" "$b" "$(ratio "$a" "$b")"
		runs "$out/rt.tmp"
		printf '],"limit_runs":[\n'
		runs "$out/limit.tmp"
		is_for_other && {
			printf '],"other":"%s","other_figure":%s,"ratio_to_other":%s,"other_runs":[\n' "$other_name" "$c" "$r"
			runs "$out/other.tmp"
		}
		printf ']}\n'
	} > "$out/$name.json"
}

flat_row() { # NAME OPTION TITLE
	name=$1 option=$2 title=$3 what=ns_per_delivery
	rm -f "$out/$name.json"
	for n in 10 100 1000 10000; do : > "$out/$n.tmp"; done
	i=0
	while [ $i -lt "$pairs" ]; do
		for n in 10 100 1000 10000; do
			run_rt "$out/$n.tmp" "$flat_load $option $n" || { void "$name" "$title"; return; }
		done
		i=$((i + 1))
	done
	printf '%-14s' "$name"
	for n in 10 100 1000 10000; do printf ' %9s' "$(median $what "$out/$n.tmp")"; done
	r=$(ratio "$(median $what "$out/10000.tmp")" "$(median $what "$out/10.tmp")")
	printf ' %6s  %-20s %-20s %s\n' "$r" "$(spread $what "$out/10.tmp")" "$(spread $what "$out/10000.tmp")" "$what: $title"
	{
		printf '{"row":"%s","title":"%s","figure":"%s","ratio":%s' "$name" "$title" "$what" "$r"
		for n in 10 100 1000 10000; do printf ',"of_%s":%s' $n "$(median $what "$out/$n.tmp")"; done
		for n in 10 100 1000 10000; do
			printf ',"runs_of_%s":[\n' $n
			runs "$out/$n.tmp"
			printf ']'
		done
		printf '}\n'
	} > "$out/$name.json"
}

for row in $wanted; do
	[ "$row" = all ] || printf '%s%s' "$pair_rows" "$flat_rows" | grep -q "^$row " ||
		{ echo "run.sh: no row '$row'" >&2; exit 2; }
done

head=true
while read -r name what arguments title; do
	if [ -z "$name" ] || ! is_wanted "$name"; then continue; fi
	if $head; then
		printf '%-14s %10s %10s %6s  %-20s %-20s' row rt-serve limit ratio 'rt-serve (spread)' 'limit (spread)'
		[ -n "$other" ] && printf ' %10s %6s  %-20s' "$other_name" ratio "$other_name (spread)"
		printf ' figure\n'
		head=false
	fi
	pair_row "$name" "$what" "$(echo "$arguments" | tr _ ' ')" "$title"
done <<END
$pair_rows
END

head=true
while read -r name option title; do
	if [ -z "$name" ] || ! is_wanted "$name"; then continue; fi
	$head && printf '%-14s %9s %9s %9s %9s %6s  %-20s %-20s %s\n' row 'of 10' 'of 100' 'of 1000' 'of 10000' ratio '10 (spread)' \
		'10000 (spread)' figure
	head=false
	flat_row "$name" "$option" "$title"
done <<END
$flat_rows
END
rm -f "$out"/*.tmp
exit $failed
