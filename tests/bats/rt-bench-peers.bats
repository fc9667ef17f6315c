# rt-bench-peers.bats - connections that are refused, answered with nonsense, or cut; acknowledgements that are false
load bench

@test "connections that end: told as broken, and what was sent meanwhile is nobody's loss" {
	for how in frame bare rst half; do
		liar $how cut=100,$how,3
		bench run_$how $how plain.json fanout -c 5 -r 100/s -d 4s
	done
	liar sse cut=100,rst,3
	bench run_sse sse plain.json fanout -c 5 -r 100/s -d 4s --transport sse
	for how in frame bare rst half sse; do
		done_with run_$how 0 6
		told $how
		report run_$how '$told.cut == 3 and .broken == 3 and .failed == 0' '.lost + .dup + .reordered + .phantom == 0' '.away > 0 and .away + .expected == .sent * 5' '.expected > 2 * .sent' \
			'any(.errors[]; .n == 3 and (.text | startswith("lost the connection to ") and contains("/sub/bench") and contains("127.0.0.1:")))'
	done
	report run_frame 'any(.errors[]; .text | contains("going away, said the liar"))'
	report run_sse '.opened == 6'
}

@test "who speaks no WebSocket any more is given up: what he had until then is judged" {
	liar garbage cut=100,garbage,3
	bench run garbage plain.json fanout -c 5 -r 100/s -d 3s
	done_with run 0 6
	report run '.broken == 3 and .failed == 3 and .opened == 6' '.lost + .dup + .reordered + .phantom == 0 and .received == .expected' '.expected > 2 * .sent and .expected < 4 * .sent' \
		'any(.errors[]; .n == 3 and (.text | startswith("lost the connection to ")))'
}

@test "who comes back and first gets old messages has lost and doubled none" {
	for t in ws sse; do
		liar $t cut=100,rst ready early=5
		bench run_$t $t ready.json fanout -c 3 -r 100/s -d 3s --transport $t
	done
	for t in ws sse; do
		done_with run_$t 0 6
		told $t
		report run_$t '$told.early == 15 and .early == 15' '.lost + .dup + .reordered + .phantom == 0' '.broken == 3 and .away > 0'
	done
}

@test "who comes back and gets what he missed has been served: late, by no fault of the server's" {
	for t in ws sse; do
		liar $t cut=100,rst early=1000
		bench run_$t $t plain.json fanout -c 3 -r 100/s -d 3s --transport $t
	done
	for t in ws sse; do
		done_with run_$t 0 6
		report run_$t '.lost + .reordered + .phantom == 0' '.broken == 3 and .resumed > 0 and .away == 0' "$all_came" '.latency_ns.n == .received - .resumed'
	done
}

@test "handshakes that are refused: whose, and why" {
	for code in 401 403 429 503; do
		liar no_$code refuse=$code
		bench ws_$code no_$code plain.json fanout -c 2 -r 100/s -d 1s -w 1s
		bench sse_$code no_$code post.json fanout -c 2 -r 100/s -d 1s -w 1s --transport sse
	done
	for code in 401 403 429 503; do
		for t in ws sse; do
			done_with ${t}_$code 4 5
			report ${t}_$code '.end == "refused" or .end == "denied"' '.sent == 0' "any(.errors[]; .n >= 2 and (.text | test(\"^cannot connect to .*127.0.0.1:[0-9]+/sub/bench[.0-9a-f]*': the server answered $code\")))"
		done
		report sse_$code 'any(.errors[]; .text | contains("you may not, said the liar"))'
	done
}

@test "no answer, and one that is none" {
	for how in mute noise; do
		liar $how $how
		bench ws_$how $how plain.json fanout -c 2 -r 100/s -d 1s -w 1s
		bench sse_$how $how plain.json fanout -c 2 -r 100/s -d 1s -w 1s --transport sse
	done
	for run in ws_mute sse_mute; do
		done_with $run 5
		report $run '.end == "refused" and .sent == 0' "any(.errors[]; .n == 2 and (.text | test(\"^a subscriber of 'ws://127.0.0.1:[0-9]+' was not ready in time: .* handshake$\")))"
	done
	for run in ws_noise sse_noise; do
		done_with $run 5
		report $run '.end == "refused" and .sent == 0' 'any(.errors[]; .n == 2 and (.text | test("^cannot connect to .*/sub/bench[.0-9a-f]*.: the answer of the server is not HTTP")))'
	done
}

@test "connected, and never told to be subscribed" {
	liar plain
	bench run plain ready.json fanout -c 2 -r 100/s -d 1s -w 1s
	done_with run 5
	report run 'any(.errors[]; .n == 2 and (.text | endswith("it waited for word that it is subscribed")))'
}

@test "a part of the handshakes is refused: the others are judged" {
	liar part refuse=403,10
	bench run part post.json fanout -c 20 -r 100/s -d 1s
	done_with run 0 6
	report run '.opened == 11 and .failed == 10' '.lost == 0 and .received == .expected and .expected == .sent * 10' 'any(.errors[]; .n == 10 and (.text | contains("the server answered 403")))'
}

@test "acknowledgements: of nothing that is delivered, none, two for one" {
	liar false ack=1 drop=100
	liar none
	liar two ack=2
	bench run_false false acks.json fanout -c 2 -r 100/s -d 2s
	bench run_none none acks.json fanout -c 2 -r 100/s -d 2s
	bench run_two two acks.json fanout -c 2 -r 100/s -d 2s
	done_with run_false 0 6
	told false
	report run_false '.acked == 200 and .lost == $told.drop and .lost == 4' '.errors == []'
	done_with run_none 0 6
	report run_none '.acked == 0' "$all_came" 'any(.errors[]; .n == 200 and .text == "no acknowledgement came for a message")'
	done_with run_two 0 6
	report run_two '.acked == 200' "$all_came" 'any(.errors[]; .n == 200 and .text == "an acknowledgement came for no message")'
}

@test "messages that are refused are nobody's loss" {
	liar busy deny=10
	bench run busy post.json fanout -c 3 -r 100/s -d 2s
	done_with run 0 6
	told busy
	report run '.refused == $told.denied and .refused == 20' '.acked == 180 and .lost == 0 and .expected == 540 and .received == 540' 'any(.errors[]; .n == 20 and (.text | contains("the server answered 429") and contains("you publish too much")))'
}

@test "a publisher whose connection ends: what has no acknowledgement is nobody's loss" {
	liar acks ack=1 cutpub=100,rst
	liar post cutpub=100,rst
	bench run_acks acks acks.json fanout -c 3 -r 400/s -d 2s
	bench run_post post post.json fanout -c 3 -r 200/s -d 2s
	for run in run_acks run_post; do
		done_with $run 0 6
		report $run '.broken == 1 and .lost + .dup + .phantom == 0 and .received == .expected' '.expected + .away == 3 * .sent and .expected > 2 * .sent'
	done
	report run_post '.sent == 400 and any(.errors[]; .n == 1 and (.text | startswith("nobody knows what became of a message: ")))'
	report run_acks '.sent == 800'
}
