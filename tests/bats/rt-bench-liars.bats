# rt-bench-liars.bats - servers that lie (tests/tools/liar_fanout.py), and what rt-bench says about them
#
# The liar counts its lies; the report must count the same. Several runs go on at once, since a report waits for what may still come: they are
# far below what a machine can do, and what they say of times is compared with bounds of seconds.
load bench

# twice LIE... : over both transports, 5000 deliveries each; then `check` is asked about either
twice() {
	local t
	for t in ws sse; do
		liar "$t" "$@" || return 1
		bench "run_$t" "$t" "${profile:-plain.json}" fanout -c 5 -r 500/s -d 2s --transport "$t"
	done
	for t in ws sse; do
		done_with "run_$t" 0 6 || return 1
		told "$t" || return 1
		check "run_$t" || return 1
	done
}

@test "of an honest server nothing is said" {
	check() { report "$1" "$clean" "$all_came" '.errors == []' '.sent == 1000'; }
	twice
}

@test "an honest one, whatever the way: raw, requests, marks alone" {
	liar raw
	liar post
	liar stamp
	bench run_raw raw raw fanout -c 5 -r 200/s -d 1s
	bench run_post post post.json fanout -c 5 -r 200/s -d 1s
	bench run_sse post post.json fanout -c 10 -r 200/s -d 1s --transport sse
	bench run_mercure post mercure fanout -c 5 -r 200/s -d 1s --transport sse
	bench run_stamp stamp stamp.json rooms --rooms 3 -p 2 -c 6 -r 200/s -d 1s
	for run in run_raw run_post run_sse run_mercure run_stamp; do
		done_with $run 0 6
		report $run "$clean" '.received == .expected and .sent == 200' '.errors == []'
	done
	report run_post '.acked == 200'
	report run_mercure '.acked == 200 and .profile == "mercure" and .transport == "sse"'
	report run_stamp '.expected == 400'
}

@test "1 in 1000 is dropped" {
	check() { report "$1" '$told.drop == 5 and .lost == 5 and .undeclared == 5' '.expected == 5000 and .received == 4995' '.dup + .phantom + .corrupt == 0'; }
	twice drop=1000
}

@test "1 in 1000 comes twice" {
	check() { report "$1" '$told.dup == 5 and .dup == 5' "$all_came" '.lost + .reordered + .phantom == 0'; }
	twice dup=1000
}

@test "neighbours change places" {
	check() { report "$1" '$told.swap >= 4 and .reordered == $told.swap' "$all_came" '.lost + .dup + .phantom == 0'; }
	twice swap=1000
}

@test "several lies at once are told apart" {
	check() { report "$1" '.lost == $told.drop and .dup == $told.dup and .phantom == $told.phantom and .corrupt == $told.truncate' '$told.drop > 0 and $told.dup > 0 and $told.phantom > 0 and $told.truncate > 0'; }
	twice drop=401 dup=307 phantom=211 truncate=503
}

@test "numbers that nobody sent" {
	check() { report "$1" '$told.phantom == 5 and .phantom == 5' "$all_came" '.lost + .dup + .reordered == 0'; }
	twice phantom=1000
}

@test "messages of another room" {
	for t in ws sse; do
		liar $t room=100
		bench run_$t $t plain.json rooms --rooms 2 -c 4 -r 500/s -d 2s --transport $t
	done
	for t in ws sse; do
		done_with run_$t 0 6
		told $t
		report run_$t '$told.room >= 19 and .phantom == $told.room' '.received == .expected and .expected == 2000' '.lost + .dup + .reordered == 0'
	done
}

@test "what is no message at all: it is counted, and shown" {
	check() { report "$1" '$told.text == 5 and .unrecognised == 5 and .example == "the server says hello"' "$all_came" '.lost + .phantom == 0'; }
	twice text=1000
}

@test "a byte is missing, or another, or a time is not the one that was sent" {
	check() { report "$1" '.corrupt == $told.truncate + $told.change + $told.clock' '$told.truncate > 5 and $told.change > 5 and $told.clock > 5' "$all_came" '.lost + .dup + .phantom + .unrecognised == 0' '.latency_ns.max < 60e9' '.latency_ns.n == .received - .corrupt'; }
	twice truncate=307 change=401 clock=503
}

@test "a change in a large message shows, wherever it is looked at" {
	liar large change=50
	bench run large plain.json fanout -c 2 -r 100/s -d 2s --size 20k
	done_with run 0 6
	told large
	report run '$told.change == 8 and .corrupt == 8' "$all_came"
}

@test "a gap that is told declares what it is about, and nothing beside it" {
	check() { report "$1" '.gaps == $told.gaps and .lost == $told.gaps + $told.drop and .undeclared == $told.drop' '$told.gaps == 250 and $told.drop > 10' '.dup + .reordered + .phantom + .unrecognised == 0'; }
	twice gap=20 drop=313
}

@test "everything comes 100 ms late" {
	check() { report "$1" "$clean" "$all_came" '.latency_ns.min >= 1e8 and .uncorrected_ns.min >= 1e8'; }
	twice late=100
}

@test "two seconds of silence: whoever waits for what was sent counts them" {
	liar holding hold=100,2
	liar deaf deaf=100,2
	liar busy deaf=100,2
	bench run_holding holding plain.json fanout -c 3 -r 100/s -d 5s
	bench run_deaf deaf plain.json fanout -c 3 -r 100/s -d 5s
	bench run_busy busy post.json fanout -c 3 -r 100/s -d 5s
	for run in run_holding run_deaf run_busy; do
		done_with $run 0 6
		report $run "$clean" "$all_came" '.latency_ns["p99"] >= 1e9 and .latency_ns["p90"] >= 1e9 and .latency_ns["p50"] < 1e9'
	done
	# Deliveries held back, or messages in the sockets' queues: they had been sent.
	report run_holding '.uncorrected_ns["p99"] >= 1e9'
	report run_deaf '.uncorrected_ns["p99"] >= 1e9'
	# A publisher that had to wait for an answer: they had not; only who counts from the schedule sees it.
	report run_busy '.uncorrected_ns["p90"] < 1e9 and .blocked >= 100'
}

@test "a rate that was not reached is not claimed" {
	liar lazy lazy=50
	bench run lazy post.json fanout -c 1 -r 100/s -d 1s --min rate=90/s
	done_with run 1 6
	report run "$clean" '.sent == 100 and .seconds > 4 and .latency_ns.max > 3e9'
}
