# rt-bench: what comes out of a run: table, JSON, page, limits, merge, compare, signals

load lib

setup() { rt_setup; }
teardown() { rt_teardown; }

# bench ARGS...: a short run. On a busy machine the tool may fall behind and call it void (6), which says nothing about its report.
bench() {
	local rc=0
	rt-bench fanout -c 10 -r 200/s -d 500ms "$@" || rc=$?
	[ "$rc" -ne 6 ] || rc=0
	return "$rc"
}

# made JQ [FILE]: a result that was changed by hand; not void.
made() {
	jq -c '.end="done"|del(.why)|'"$1" "${2:-a.json}"
}

@test "the verdict is the first line, 80 columns hold the table, a pipe gets no colours" {
	start_server server
	bench >table
	[[ $(head -1 table) == "held: nothing lost, p99 "* || $(head -1 table) == "VOID: "* ]]
	[ "$(tail -n +2 table | wc -L)" -le 80 ]
	! grep -q $'\x1b' table
	grep -qx '  lost                       0' table
	bench --color always >table
	grep -q $'^\x1b\\[1;3[23]m' table
	NO_COLOR=1 bench >table
	! grep -q $'\x1b' table
}

@test "-f json is one line with units, and says how it was called" {
	start_server server
	bench -f json -H 'X-Token: geheim' --profile rt "ws://$server_address/?token=geheim" >a.json
	[ "$(wc -l <a.json)" -eq 1 ]
	[ "$(jq '.rt_bench, .sent, .received, .lost, .seconds, .size_bytes' a.json | paste -sd' ')" = "1 100 1000 0 0.5 128" ]
	[ "$(jq '.latency_ns.n, ([.latency_ns.buckets[][1]] | add)' a.json | paste -sd' ')" = "1000 1000" ]
	[[ $(jq -r .verdict a.json) == @(held: nothing lost|VOID: )* ]]
	[ "$(jq -r .version a.json)" = "$(rt-bench -V | sed -n '1s/.* //p')" ]
	[[ $(jq -r .command a.json) == "rt-bench fanout -c 10 -r 200/s -d 500ms -f json -H "* ]]
	! grep -q geheim a.json
}

@test "several runs into one file are a file of runs" {
	start_server server
	bench -f json >>runs.json
	bench -f json >>runs.json
	[ "$(jq -s length runs.json)" -eq 2 ]
	rt-bench merge -f json runs.json >one.json || [ $? -eq 6 ]
	[ "$(jq .sent one.json)" -eq 200 ]
}

@test "merged parts are the whole: counts, histograms, the page" {
	start_server server
	bench -f json >a.json
	# the samples of a.json dealt out to two
	made '.due=60|.sent=60|.received=600|.expected=600|.latency_ns.buckets|=[.[]|[.[0],(.[1]/2|floor)]|select(.[1]>0)]
		|.latency_ns.n=([.latency_ns.buckets[][1]]|add)
		|.latency_ns.min=.latency_ns.buckets[0][0]|.latency_ns.max=.latency_ns.buckets[-1][0]' >half1.json
	jq -c -s '(.[0].latency_ns.buckets|map({(.[0]|tostring):.[1]})|add) as $h | .[1]
		|.end="done"|del(.why)|.due=40|.sent=40|.received=400|.expected=400
		|.latency_ns.buckets|=[.[]|[.[0],.[1]-($h[.[0]|tostring]//0)]|select(.[1]>0)]
		|.latency_ns.n=([.latency_ns.buckets[][1]]|add)' half1.json a.json >half2.json
	rt-bench merge -f json half1.json half2.json >merged.json
	for member in .sent .received .expected .seconds .latency_ns.n .latency_ns.buckets .latency_ns.p99 .latency_ns.max .samples[0].at_s; do
		[ "$(jq -c "$member" merged.json)" = "$(jq -c "$member" a.json)" ]
	done
	[ "$(jq .subscribers merged.json)" -eq 20 ]
	cat half1.json half2.json | rt-bench merge -f json - | cmp - merged.json
	rt-bench merge --html page.html half1.json half2.json >table
	grep -q '<title>rt-bench: held' page.html
	head -1 table | grep -q '^held: nothing lost'
	run rt-bench merge --max p99=1ns half1.json half2.json
	[ "$status" -eq 1 ]
	[[ ${lines[0]} == "MISSED: p99 is "* ]]
}

@test "what is no result is told with file and line, status 3" {
	start_server server
	bench -f json >a.json
	{ cat a.json; echo; echo '{"rt_bench":1,"end":"done","sent":-1}'; } >bad.json
	run --separate-stderr rt-bench merge a.json bad.json
	[ "$status" -eq 3 ]
	[ -z "$output" ]
	[ "$stderr" = "rt-bench: 'bad.json' line 3: 'sent' is not a count" ]
	echo hello >bad.json
	run rt-bench compare a.json bad.json
	[ "$status" -eq 3 ]
	[[ $output == "rt-bench: 'bad.json' line 1: not JSON"* ]]
	: >empty.json
	run rt-bench merge empty.json
	[ "$status" -eq 3 ]
	[[ $output == *"'empty.json' line 1: no result"* ]]
	run rt-bench merge none.json
	[ "$status" -eq 6 ]
	[ "$output" = "rt-bench: cannot open 'none.json': no such file or directory" ]
	run rt-bench merge
	[ "$status" -eq 2 ]
	run rt-bench compare a.json
	[ "$status" -eq 2 ]
	run rt-bench compare --tolerance lots a.json a.json
	[ "$status" -eq 2 ]
	run rt-bench compare --max p99=1ms a.json a.json
	[ "$status" -eq 2 ]
}

@test "compare: nothing at the same file, a regression, a lost message, noise" {
	start_server server
	bench -f json >a.json
	made . >old.json
	run rt-bench compare old.json old.json
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[0]}" = "held: nothing is worse by more than 10 %" ]
	[[ $output == *"fewer than 5 runs on a side"* ]]
	made '.sent=50' >new.json
	run rt-bench compare old.json new.json
	[ "$status" -eq 1 ]
	[ "${lines[0]}" = "WORSE: rate" ]
	run rt-bench compare --tolerance 150% old.json new.json
	[ "$status" -eq 0 ]
	made '.lost=1|.received=999' >new.json
	run rt-bench compare --tolerance 900% old.json new.json
	[ "$status" -eq 1 ]
	[[ $output == *"lost "*" from 0  WORSE"* ]]
	for i in 1 2 3 4 5; do
		made ".sent=100+$i" >>olds.json
		made ".sent=80+$i" >>news.json
		made ".sent=(if $i%2==0 then 50 else 150 end)" >>wild.json
	done
	run rt-bench compare -f json olds.json news.json
	[ "$status" -eq 1 ]
	[ "$(jq -r '.metrics.rate.change, .few, .old_runs' <<<"$output" | paste -sd' ')" = "worse false 5" ]
	run rt-bench compare -f json wild.json olds.json
	[ "$status" -eq 0 ]
	[ "$(jq -r .metrics.rate.change <<<"$output")" = noise ]
}

@test "compare leaves void runs out and names them" {
	start_server server
	bench -f json >a.json
	made . >old.json
	{ made .; made '.end="generator"|.why="it came late"|.lost=500'; } >new.json
	run rt-bench compare old.json new.json
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"'new.json': run 2 is void and left out: it came late"* ]]
	made '.end="refused"' >new.json
	run rt-bench compare old.json new.json
	[ "$status" -eq 3 ]
	[ "$output" = "rt-bench: nothing to compare: every run of 'new.json' is void" ]
}

@test "limits: held is 0, missed is 1 and said in every form" {
	start_server server
	run bench --max lost=0,dup=0,p99=1h --min received=100%,rate=200/s
	echo "$output"
	[ "$status" -eq 0 ]
	bench -f json >a.json
	made . >ok.json
	run --separate-stderr rt-bench merge -f json --max p99=1ns --min rate=1m/s --html page.html ok.json
	[ "$status" -eq 1 ]
	[ "${#stderr_lines[@]}" -eq 2 ]
	[[ ${stderr_lines[0]} == "rt-bench: missed: p99 is "*", at most 1ns is wanted" ]]
	[ "$(jq -r '.missed[1]' <<<"$output")" = "rate is 200/s, at least 1m/s is wanted" ]
	grep -q '<li>rate is 200/s, at least 1m/s is wanted</li>' page.html
	run rt-bench merge --max connect_p99=1h,u_p99=1h,lag_p99=1h,ack_p99=1h ok.json
	[ "$status" -eq 0 ]
	run rt-bench merge --max server_cpu=100% ok.json
	[ "$status" -eq 1 ]
	[[ $output == *"server_cpu is unknown, nothing was measured, at most 100% is wanted"* ]]
	run rt-bench fanout --max p98=1ms
	[ "$status" -eq 2 ]
	[[ ${lines[0]} == *"option '--max': no metric 'p98' (there are: "* ]]
}

@test "the page stands alone: nothing is fetched, what came from outside is escaped" {
	start_server server
	cat >'<b>.json' <<-END
	{"name": "<script>alert(1)</script>", "subscribe": {"ws": {"path": "/ws/{room}?meta=1", "ready": "subscribed"}}, "publish": {"rt": {}}}
	END
	bench --profile '<b>.json' --html page.html >table
	head -1 page.html | grep -qx '<!doctype html>'
	! grep -Eiq '(src|href) *=|url\(|@import' page.html
	[ "$(grep -o '<script>' page.html | wc -l)" -eq 1 ]
	grep -q 'profile &lt;script&gt;alert(1)&lt;/script&gt;' page.html
	[ "$(grep -c '<figure>' page.html)" -ge 5 ]
	[ "$(grep -o 'aria-label="' page.html | wc -l)" -eq "$(grep -c '<figure>' page.html)" ]
	grep -q prefers-color-scheme page.html
	grep -q 'media print' page.html
	grep -Fq "<pre>rt-bench fanout -c 10 -r 200/s -d 500ms --profile &#39;&lt;b&gt;.json&#39;" page.html
}

@test "a run that is refused has its report too, status 5" {
	run --separate-stderr rt-bench fanout -c 2 -w 300ms --retry 0 --html page.html ws://127.0.0.1:1
	echo "$output"
	[ "$status" -eq 5 ]
	[[ ${lines[0]} == "REFUSED: cannot connect to 'ws://127.0.0.1:1"* ]]
	grep -q '<title>rt-bench: REFUSED' page.html
}

@test "files that cannot be written are status 6" {
	start_server server
	run bash -c 'rt-bench fanout -c 2 -r 100/s -d 100ms --html ./none/page.html 2>&1 >table'
	[ "$status" -eq 6 ]
	[ "$output" = "rt-bench: cannot write './none/page.html': no such file or directory" ]
	grep -q '^  lost' table
	run bash -c 'rt-bench fanout -c 2 -r 100/s -d 100ms -o ./none/table 2>&1'
	[ "$status" -eq 6 ]
	bench -o table.txt >nothing
	[ ! -s nothing ]
	grep -q '^  lost' table.txt
}

@test "SIGINT: what there is, and then death by it" {
	start_server server
	# bash lets what it starts in the background ignore SIGINT
	background run env --default-signal=INT rt-bench fanout -c 5 -r 100/s -d 1h -f json
	wait_for eval "rt-sub -L -f '{subscribers}' | grep -qx 5"
	kill -INT "$run_pid"
	status_of "$run_pid"
	[ "$status" -eq 130 ]
	[ "$(wc -l <run.out)" -eq 1 ]
	[[ $(jq -r .end run.out) == @(stopped|generator) ]]
	[ "$(jq '.lost' run.out)" -eq 0 ]
}

@test "on a terminal: colours, blocks, and a line that is written over" {
	command -v script || skip "no script(1)"
	start_server server
	script -qec 'stty cols 40; LC_ALL=C.UTF-8 rt-bench fanout -c 5 -r 100/s -d 2s' typescript </dev/null >seen ||
		[ $? -eq 6 ]
	grep -q $'\x1b\\[1;3[23]m' seen
	grep -q $'\r\x1b\\[K' seen
	grep -q 'p99 by time' seen
	tr '\r' '\n' <seen | grep 'received .*/s  sent\|s  p99' | sed 's/\x1b\[[0-9;]*[mK]//g' >live
	[ -s live ]
	[ "$(wc -L <live)" -le 39 ]
}
