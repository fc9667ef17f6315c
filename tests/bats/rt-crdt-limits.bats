#!/usr/bin/env bats
# rt-crdt-merge at its limits: what cannot be used, more inputs than can be open, lines without end, memory, full disks, kills.

bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	PATH=$RT_BIN:$PATH
}

# Sanitizers reserve address space: there a limit on it says nothing.
limit_memory() { case $RT_BIN in *san-*) ;; *) ulimit -v "$1" ;; esac; }

@test "a bad document stops all, is passed over, or is kept" {
	printf '%s\n' '{"a":1}' '{"a":-1}' '{"b":2' '{"c":3}' '{' ' "d":-4' '}' '{' ' "e": 5' '}' '{"crdt":"gset/1","state":[1]}' '{"z":1}' > n
	run -3 rt-crdt-merge n; [[ $output != *'"c":3'* ]]
	run -1 --separate-stderr rt-crdt-merge --on-bad skip n
	[ "$output" = '{"a":1,"c":3,"e":5,"z":1}' ]
	[ "${#stderr_lines[@]}" -eq 4 ]; [[ $stderr == *"n:2: E_NEG"*E_SYNTAX*"n:6: E_NEG"*"n:11: E_TYPE"* ]]
	run -1 rt-crdt-merge -f json --on-bad quarantine --quarantine q n
	printf '%s\n' '{"a":-1}' '{"b":2' '{' ' "d":-4' '}' '{"crdt":"gset/1","state":[1]}' | cmp - q
	# Appended to; the output is whole; a clean input needs no file.
	rt-crdt-merge --on-bad quarantine --quarantine q -o out n 2> err || [ $? -eq 1 ]; [ "$(wc -l < q)" -eq 12 ]; [ "$(cat out)" = '{"a":1,"c":3,"e":5,"z":1}' ]
	rt-crdt-merge --on-bad quarantine --quarantine none out; [ ! -e none ]
	run -6 rt-crdt-merge --on-bad quarantine --quarantine /nonexistent/q n
	run -1 rt-crdt-merge fmt --on-bad skip n; [[ $output == *'{"e":5}'* ]]
	run -1 rt-crdt-merge value -q --on-bad skip n; [[ $output == *10 ]]
	for v in check explain laws 'diff n' 'git-merge n n'; do run -2 rt-crdt-merge $v --on-bad skip n; done
	run -2 rt-crdt-merge --on-bad quarantine n; [[ $output == *--quarantine* ]]
	# What cannot be joined leaves the rest as it was, whichever comes first.
	printf '%s\n' '{"k":{"node_id":"a","timestamp":1,"value":2}}' '{"j":{"node_id":"a","timestamp":9,"value":9},"k":{"node_id":"a","timestamp":"2026-11-24T00:00:00Z-0000","value":1}}' > m
	run -1 --separate-stderr rt-crdt-merge --on-bad skip m; [ "$output" = '{"k":{"node_id":"a","timestamp":1,"value":2}}' ]; [[ $stderr == *"m:2: E_TS_MIXED"* ]]
}

@test "a stamp of the future is kept aside" {
	printf '%s\n' '{"node_id":"a","timestamp":1800000000,"value":1}' '{"node_id":"a","timestamp":1,"value":2}' > d
	run -1 --separate-stderr rt-crdt-merge --max-drift 1m --now 2026-11-24T00:00:00Z --on-drift quarantine --quarantine q d
	[ "$output" = "$(tail -1 d)" ]; [[ $stderr == *"d:1: E_DRIFT"* ]]; head -1 d | cmp - q
	# Other faults still stop.
	echo '{' >> d; run -3 rt-crdt-merge --max-drift 1m --now 2026-11-24T00:00:00Z --on-drift quarantine --quarantine q d
	run -2 rt-crdt-merge --on-drift quarantine d
}

@test "follow goes on behind a bad line, and knows who went back" {
	printf '%s\n' '{"a":1}' '{"a":-1}' "{\"$(head -c 2000 /dev/zero | tr '\0' k)\":1}" '{"c":3}' > n
	run -1 --separate-stderr rt-crdt-merge --follow --value --max-line 1k --on-bad quarantine --quarantine q < n
	[ "$output" = $'1\n4' ]; [[ $stderr == *"-:2: E_NEG"*"-:3: E_SIZE"* ]]; [ "$(cat q)" = '{"a":-1}' ]
	run -3 rt-crdt-merge --follow < n
	printf '%s\n' '{"who":"r","d":{"a":5}}' '{"who":"s","d":{"a":2}}' '{"who":"r","d":{"a":4}}' '{"who":"r","d":{"a":4,"b":1}}' '{"who":"r","d":{"crdt":"gcounter/1","delta":true,"state":{"a":1}}}' > r
	run -0 --separate-stderr rt-crdt-merge --follow --at .d --replica .who < r
	[ "${lines[0]}" = '{"a":5}' ]; [ "${#stderr_lines[@]}" -eq 1 ]; [[ $stderr == *"-:3: W_NONMONOTONE: replica 'r'"* ]]
	run -1 --separate-stderr rt-crdt-merge --follow --at .d --replica .who --strict < r
	run -3 rt-crdt-merge --follow --at .d --replica .who <<< '{"who":5,"d":{"a":1}}'
	run -2 rt-crdt-merge --follow --replica .who < r
	# A snapshot is not passed over: it would be lost with the next one.
	echo '{"a":1,"b":-1}' > snap; cp snap keep
	run -3 rt-crdt-merge --follow --on-bad skip --snapshot snap <<< '{"c":1}'; cmp snap keep
	# One replica per document.
	printf '%s\n' '{"w":"r","d":{"crdt":"gcounter/1","id":"x","state":{"a":5}}}' '{"w":"r","d":{"crdt":"gcounter/1","id":"y","state":{"a":2}}}' | rt-crdt-merge --strict --follow --at .d --replica .w
}

@test "more inputs than can be open are merged in passes" {
	python3 - <<-'PY'
	import random
	random.seed(7)
	def f(name, lo, hi):
	    open(name, 'w').write('{' + ','.join('"key-%07d":%d' % (i, random.getrandbits(40)) for i in range(lo, hi)) + '}\n')
	f('f000', 0, 350000)
	for i in range(1, 1000):
	    f('f%03d' % i, i * 100, i * 100 + 150)
	PY
	# One after the other, in memory: the spaces keep the streams away.
	cat f??? | sed 's/:/: /' > lines; rt-crdt-merge lines -o want
	rt-crdt-merge f??? --stats -f json -o out 2> stats; cmp want out; jq -e '.streamed==1 and .files==1000' stats
	(ulimit -n 20; rt-crdt-merge f??? -o out); cmp want out
	(ulimit -n 10; rt-crdt-merge f??? -o out); cmp want out
	(ulimit -n 20; limit_memory 30000; rt-crdt-merge f??? -o out); cmp want out
	(ulimit -n 20; rt-crdt-merge f???) | cmp want -
	# Too few for streams, too small for streams: still the same.
	(ulimit -n 6; rt-crdt-merge f??? -o out); cmp want out
	(ulimit -n 20; rt-crdt-merge f00[1-9] f0[1-9]? f[1-9]?? -o out); (cat f00[1-9] f0[1-9]? f[1-9]?? | rt-crdt-merge) | cmp - out
	(ulimit -n 20; rt-crdt-merge --pretty f??? | rt-crdt-merge) | cmp want -
	# A fault far behind: nothing is written, and no temporary file stays.
	sed -i 's/"key-0099950":/&-/' f999; cp out before; mkdir tmp
	(ulimit -n 20; TMPDIR=$PWD/tmp; export TMPDIR; run -3 rt-crdt-merge f??? -o out; [[ $output == *"f999:1: E_NEG at /key-0099950"* ]]); cmp out before; [ -z "$(ls tmp)" ]
	rm f500; run -6 rt-crdt-merge f[0-4]?? f500; [[ $output == *"cannot open 'f500'"* ]]
}

@test "a line without end is refused before it is held" {
	# 2 GB, made by a pipe; a limit of memory far below.
	run -3 bash -c "$(declare -f limit_memory); limit_memory 60000; head -c 2000000000 /dev/zero | tr '\\0' 1 | rt-crdt-merge --max-line 16m"
	[[ $output == *"-:1: E_SIZE: the line is longer than 16777216 bytes"* ]]
	(printf '{"z":1}\n{"a":'; head -c 30000000 /dev/zero | tr '\0' 1; printf '}\n{"b":1}\n') > long
	run -1 --separate-stderr bash -c "$(declare -f limit_memory); limit_memory 40000; rt-crdt-merge --max-line 1m --on-bad skip long"
	[ "$output" = '{"b":1,"z":1}' ]; [[ $stderr == *"long:2: E_SIZE"* ]]
	tail -n +2 long > first
	run -1 --separate-stderr bash -c "$(declare -f limit_memory); limit_memory 40000; rt-crdt-merge --max-line 1m --on-bad skip - < first"
	[ "$output" = '{"b":1}' ]; [[ $stderr == *"-:1: E_SIZE"* ]]
	# One document over many lines, without end; and many of them, each within the limit.
	run -3 bash -c "yes '[' | head -c 3000000 | rt-crdt-merge --max-line 1m"; [[ $output == *"E_SIZE: the document is longer"* ]]
	for i in $(seq 2000); do printf '{\n "n%04d":\n  %d\n}\n' $i $i; done > pretty
	rt-crdt-merge pretty > whole; rt-crdt-merge --max-line 4k pretty | cmp whole -; rt-crdt-merge --max-line 4k - < pretty | cmp whole -
	rt-crdt-merge apply --node n -t gset --max-line 1k <<< "{\"op\":\"add\",\"elem\":\"$(head -c 2000 /dev/zero | tr '\0' k)\"}" 2> err || [ $? -eq 3 ]; grep -q E_SIZE err
}

@test "verbs that keep their inputs apart may read more than memory is compacted at" {
	python3 - <<-'PY'
	with open('h', 'w') as f:
	    for i in range(3200):
	        f.write('{' + ','.join('"key-%07d":%d' % (i * 1000 + k, k) for k in range(1200)) + '}\n')
	PY
	[ "$(rt-crdt-merge diff h h)" = '{"order":"equal"}' ]
	[ "$(rt-crdt-merge delta h h)" = '{"crdt":"gcounter/1","delta":true,"state":{}}' ]
}

@test "nothing that fails to be allocated is a success" {
	echo '{"a":1}' > a
	echo '{"crdt":"orset/1","ctx":{"vv":{"a":2}},"state":[["x",[["a",1]]],["y",[["a",2]]]]}' > o
	echo '{"crdt":"orset/1","ctx":{"vv":{"a":1,"b":1}},"state":[["x",[["a",1]]],["z",[["b",1]]]]}' > p
	echo '{"crdt":"ormap/1","ctx":{"vv":{"a":1}},"state":{"k":{"lwwr":[["a",1,{"node_id":"a","timestamp":1.5,"value":["\u0001"]}]]}}}' > m
	echo '{"elem":"w","op":"add"}' > op
	cp o keep
	while read -r cmd; do
		bash -c "$cmd" > want
		for n in $(seq 1 400); do
			rc=0; RT_FAIL_ALLOC=$n bash -c "$cmd" > out 2> err || rc=$?
			if [ $rc -eq 0 ]; then cmp out want; break; fi
			[ $rc -eq 6 ] && [ ! -s out ] && [ -s err ] || { echo "$cmd: allocation $n: status $rc"; cat out err; false; }
			cmp o keep
		done
		[ $rc -eq 0 ] || { echo "$cmd never came to an end"; false; }
	done <<-'CMDS'
		rt-crdt-merge a
		rt-crdt-merge o p
		rt-crdt-merge --pretty m
		rt-crdt-merge value m
		rt-crdt-merge fmt o p
		rt-crdt-merge check --int64 o p
		rt-crdt-merge explain o p
		rt-crdt-merge delta o p
		rt-crdt-merge delta --since o p
		rt-crdt-merge apply --node n o < op
		rt-crdt-merge -o o o p && cat o && cp keep o
		cat a a | rt-crdt-merge
	CMDS
}

@test "what cannot be written is no success" {
	echo '{"a":1}' > a; python3 -c 'print("{" + ",".join("\"k%06d\":%d" % (i, i) for i in range(100000)) + "}")' > big; cp big keep
	for v in merge value fmt explain check 'apply --node n' 'diff a' 'delta a' 'hlc now' laws; do
		case $v in apply*) in=/dev/null f=a ;; hlc*) in=/dev/null f= ;; check | explain) in=/dev/null f='noncanon a' ;; *) in=/dev/null f=a ;; esac
		echo '{ "a":2}' > noncanon
		run -6 bash -c "rt-crdt-merge $v $f < $in > /dev/full"; [[ $output == *"cannot write"* ]] || { echo "$v: $output"; false; }
		run -6 bash -c "rt-crdt-merge $v $f < $in >&-"
	done
	# No other file takes the place of a closed stdout.
	echo '{"a":-1}' > bad; run -6 bash -c 'rt-crdt-merge --on-bad quarantine --quarantine q a bad >&-'; cmp q bad
	run -6 bash -c 'rt-crdt-merge <&-'
	run -6 bash -c 'rt-crdt-merge big > /dev/full'
	run -6 bash -c 'rt-crdt-merge --follow < a > /dev/full'
	# A limit on file sizes stands for a quota: the old file stays, and nothing beside it.
	for target in big new; do
		run -6 bash -c "ulimit -f 100; trap '' XFSZ; rt-crdt-merge big a -o $target"; [[ $output == *"cannot write"* ]]
		cmp big keep; [ ! -e new ]; [ -z "$(ls | grep -F big.)" ]
	done
	run -6 bash -c "ulimit -f 100; trap '' XFSZ; rt-crdt-merge big a > cut"
	run -6 rt-crdt-merge a -o /nonexistent/x
	mkdir ro; chmod 555 ro; [ -w ro ] || run -6 rt-crdt-merge a -o ro/x
}

@test "killed while it writes: the output is the old or the new one, never a part" {
	python3 -c 'print("{" + ",".join("\"k%06d\":%d" % (i, i) for i in range(300000)) + "}")' > big
	sed 's/:\([0-9]\)/:1\1/g' big > more; cp big out; rt-crdt-merge big more -o new; cp more keep
	! cmp -s big new
	for i in $(seq 1 40); do
		cp big out
		rt-crdt-merge out more -o out & pid=$!
		# At any moment up to the end, and in every other round while the new file is being written.
		if [ $((i % 2)) -eq 0 ]; then
			while kill -0 $pid 2> /dev/null && ! ls out.?????? > /dev/null 2>&1; do :; done
		fi
		for spin in $(seq $((i * 20))); do :; done
		kill -KILL $pid 2> /dev/null || true; wait $pid 2> /dev/null || true
		cmp -s out big || cmp -s out new; cmp more keep
		rm -f out.??????
	done
}

@test "what a message quotes is cut, however long it is" {
	local long
	long=$(head -c 100000 /dev/zero | tr '\0' k)
	say() { # say CODE DOCUMENT OPTIONS...: refused, in lines of at most 1000 bytes that tell how long what they quote is
		local code=$1; shift; printf '%s\n' "$1" > doc; shift
		for f in text json; do
			rt-crdt-merge "$@" -f $f doc > out 2> err || true
			grep -q "$code" err && [ "$(wc -L < err)" -le 1000 ] && grep -q '… (10[0-9]* bytes)' err && continue
			echo "$code $* -f $f:"; cut -c 1-1500 err; return 1
		done
	}
	say E_NODE "{\"$long\":-1}"
	say E_DUPKEY "{\"$long\":1,\"$long\":1}"
	say E_KEY "{\"crdt\":\"gcounter/1\",\"$long\":1,\"state\":{}}"
	say E_TYPE "{\"crdt\":\"$long\",\"state\":{}}"
	say E_VERSION "{\"crdt\":\"gcounter/$(tr k 0 <<< "$long")\",\"state\":{}}"
	say E_SYNTAX "{\"$long\":{\"a\":x}}"
	say E_TYPE "{\"crdt\":\"ormap/1\",\"ctx\":{\"vv\":{}},\"state\":{\"a\":{\"$long\":1}}}"
	say E_DOT_UNCOVERED "{\"crdt\":\"orset/1\",\"ctx\":{\"vv\":{}},\"state\":[[\"$long\",[[\"a\",1]]]]}"
	say E_DOT_REUSE "{\"crdt\":\"orset/1\",\"ctx\":{\"vv\":{\"a\":1}},\"state\":[[\"a\",[[\"a\",1]]],[\"$long\",[[\"a\",1]]]]}"
	say W_LWW_TIE "{\"$long\":{\"node_id\":\"a\",\"timestamp\":1,\"value\":1}}
{\"$long\":{\"node_id\":\"a\",\"timestamp\":1,\"value\":2}}"
	say E_TS "{\"$long\":{\"node_id\":\"a\",\"timestamp\":-1,\"value\":1}}"
	say E_KEY '{"a":1}' --at ".$long"
	# Each of many names on the way, and all of them together.
	say E_SYNTAX "$(printf "{\"${long:0:1000}\":%.0s" $(seq 60))x"
	# A key of 1100 bytes in the middle of a path leaves the end of it to be seen.
	printf '{"crdt":"ormap/1","ctx":{"vv":{}},"state":{"%s":{"orset":{"here":1}}}}' "$long" > doc
	run -3 rt-crdt-merge doc; [[ $output == *"bytes)/orset: "* ]]
}

@test "a limit that no option raises says so" {
	printf '{"a":%s}\n' "$(head -c 100000 /dev/zero | tr '\0' 7)" > doc
	run -3 rt-crdt-merge doc
	[ "$output" = "rt-crdt-merge: doc:1: E_LIMIT at /a: a number of 100000 characters, where 4096 are the most, at byte 5 (write it shorter; no option raises that limit)" ]
	echo '{"aaaaaaaaaaaaaaaaaaaaaaaaaaa":1}' > doc
	run -3 rt-crdt-merge --max-line 20 doc
	[ "$output" = "rt-crdt-merge: doc:1: E_SIZE: the line is longer than 20 bytes (raise --max-line if the size is meant)" ]
}

@test "names of inputs that are none end it" {
	echo '{"a":1}' > a
	run -3 timeout 20 rt-crdt-merge --files0-from /dev/zero
	[ "$output" = "rt-crdt-merge: '/dev/zero': name 1 is empty (names are ended by NUL, as find -print0 does)" ]
	printf 'a\0\0a\0' > names; run -3 rt-crdt-merge --files0-from names; [[ $output == "rt-crdt-merge: 'names': name 2 is empty"* ]]
	run -3 bash -c "yes | head -c 2000000000 | rt-crdt-merge --files0-from -"
	[ "$output" = "rt-crdt-merge: '-': name 1 is longer than 4095 bytes (names are ended by NUL, as find -print0 does)" ]
	{ printf 'a\0'; head -c 4096 /dev/zero | tr '\0' x; printf '\0a\0'; } > names
	run -3 rt-crdt-merge --files0-from names; [[ $output == *"name 2 is longer than 4095 bytes"* ]]
	# Not before the end of it all has been seen.
	printf 'a\na\n' | run -6 rt-crdt-merge --files0-from -
	printf 'a\0a' > names; [ "$(rt-crdt-merge --files0-from names)" = '{"a":1}' ]
	: > names; [ -z "$(rt-crdt-merge --files0-from names)" ]
	{ head -c 4095 /dev/zero | tr '\0' x; } > names; run -6 rt-crdt-merge --files0-from names
}
