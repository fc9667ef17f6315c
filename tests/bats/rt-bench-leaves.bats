# rt-bench-leaves.bats - subscribers that come late, go, and come back: what they could not get is nobody's loss
load bench

# through NAME: a relay to the server that cuts all its connections, three times
through() {
	python_server "$1" relay "${server_address##*:}" "$2" 3
}

@test "connections to rt-serve are cut, over each transport" {
	start_server server
	for t in ws sse stream poll; do
		through $t 200000
		bench run_$t $t rt fanout -c 10 -r 200/s -d 4s --transport $t
	done
	for t in ws sse stream poll; do
		done_with run_$t 0 6
		report run_$t '.lost + .undeclared + .dup + .reordered + .phantom + .corrupt + .unrecognised == 0' '.broken >= 10 and .away + .resumed > 0 and .failed == 0' '.received == .expected and .away + .expected == .sent * 10' '.sent == 800 and .acked == 800'
	done
	# It asks for what it missed; the others do not.
	report run_poll '.resumed > 0 and .latency_ns.n == .received - .resumed'
}

@test "who joins while messages flow must get those from then on" {
	for t in ws sse; do
		liar $t refuse=503,4,200
		bench run_$t $t post.json fanout -c 10 -r 100/s -d 6s -w 500ms --transport $t
	done
	for t in ws sse; do
		done_with run_$t 0 6
		report run_$t '.lost + .dup + .reordered + .phantom + .away == 0 and .received == .expected' '.opened == 11 and .failed == 0' '.expected > 4 * .sent + 600 and .expected <= 4 * .sent + 6 * (.sent - 199)'
	done
}

@test "one that is late for all of it is not waited for, nor missed" {
	liar ws refuse=503,4
	bench run ws post.json fanout -c 5 -r 100/s -d 1s -w 500ms
	done_with run 0 6
	report run '.lost == 0 and .opened == 5 and .expected == 4 * .sent' 'any(.errors[]; .n == 1 and (.text | startswith("a subscriber of ")))'
}

@test "what rt-serve refuses is nobody's loss" {
	start_server server --max-message 100
	background run rt-bench fanout -c 3 -r 100/s -d 1s -f json -o run.report "$server_url"
	done_with run 0 6
	report run '.refused == 100 and .lost + .undeclared == 0 and .away == 300 and .expected == 0' 'any(.errors[]; .n == 100 and (.text | contains("over the limit of 100")))'
}
