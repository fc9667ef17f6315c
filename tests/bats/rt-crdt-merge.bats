#!/usr/bin/env bats
# rt-crdt-merge: verbs, findings, output, git, pipes. The joins themselves are compared with a model in crdt/model.py.

setup() {
	cd "$BATS_TEST_TMPDIR" || return 1
	PATH=$RT_BIN:$PATH
	export GIT_CONFIG_GLOBAL=$BATS_TEST_TMPDIR/gitconfig HOME=$BATS_TEST_TMPDIR
}

# finding CODE DOCUMENT [OPTION...]: the document has that finding, an error refuses it.
finding() {
	local code=$1 doc=$2 status_=0
	shift 2
	printf '%s\n' "$doc" > doc
	rt-crdt-merge "$@" doc > out 2> err || status_=$?
	grep -q "$code" err || { echo "$code not found for $doc: $(cat err) status $status_"; return 1; }
	case $code in
	E_*) [ $status_ -eq 3 ] && [ ! -s out ] || { echo "status $status_ for $doc"; return 1; } ;;
	W_*) [ $status_ -eq 0 ] && [ -s out ] || { echo "status $status_ for $doc"; return 1; }
		! rt-crdt-merge --strict "$@" doc > out 2> err || { echo "--strict let $doc pass"; return 1; }
		[ ! -s out ] ;;
	esac
}

# two CODE A B: joining them has that finding.
two() {
	printf '%s\n' "$2" > da; printf '%s\n' "$3" > db
	! rt-crdt-merge --strict da db > out 2> err && [ ! -s out ] && grep -q "$1" err || { cat err out; return 1; }
	! rt-crdt-merge --strict db da > out 2> err && grep -q "$1" err
}

@test "help, version, usage errors" {
	rt-crdt-merge -h | head -1 | grep -q .
	[ "$(rt-crdt-merge -h | wc -l)" -le 40 ]
	rt-crdt-merge -V | grep -q 'orset/1'
	run rt-crdt-merge --nonsense
	[ "$status" -eq 2 ]; [[ ${lines[1]} == "try 'rt-crdt-merge -h'" ]]
	run rt-crdt-merge diff a
	[ "$status" -eq 2 ]
	run rt-crdt-merge -i x
	[ "$status" -eq 2 ]; [[ $output == *"-o FILE"* ]]
	run rt-crdt-merge missing.json
	[ "$status" -eq 6 ]
	run bash -c 'echo "{\"a\":1}" | rt-crdt-merge > /dev/full'
	[ "$status" -eq 6 ]
	run rt-crdt-merge -h x
	[ "$status" -eq 2 ]
}

@test "states of every type join as the model says" {
	python3 "$BATS_TEST_DIRNAME/../crdt/model.py" "$RT_BIN/rt-crdt-merge" 1 24
}

@test "every finding has a place, a reason and a way out, as text and as JSON" {
	lww() { printf '{"node_id":"%s","timestamp":%s,"value":%s}\n' "$@"; }
	o() { printf '{"crdt":"orset/1","ctx":%s,"state":%s}\n' "$@"; }
	{ o '{"vv":{"n":1}}' '[["x",[["n",1]]]]'; } > old; { o '{"vv":{"n":2}}' '[["x",[["n",1]]]]'; } > new
	{ lww a 5 1; lww a '"2026-11-24T00:00:00Z-0000"' 1; } > mixed
	{ lww a 5 1; lww a 5 2; } > tie
	{ lww a 1700000000 1; lww a 1700000000000 1; } > units
	{ lww a 1800000000 1; } > future
	printf '%s\n' '{"crdt":"mvreg/1","ctx":{"vv":{"a":1}},"state":[["a",1,"x"]]}' '{"crdt":"mvreg/1","ctx":{"vv":{"a":1}},"state":[["a",1,"y"]]}' > content
	printf '%s\n' '{"d":{"a":5},"w":"r"}' '{"d":{"a":4},"w":"r"}' > back
	printf '%s\n' '{"crdt":"gcounter/1","epoch":1,"state":{}}' '{"crdt":"gcounter/1","epoch":2,"state":{}}' > epochs
	{ echo '{"ok":1}'; o '{"vv":{"a":1}}' '[["x",[["a",1]]],["y",[["a",1]]]]'; } > reuse
	local late='--max-drift 1m --now 2026-11-24T00:00:00Z'
	# Code, line, path, command that reads what follows it as `doc` (-: nothing).
	while read -r code line path cmd doc; do
		doc=${doc/NUMBER/$(printf '0%.0s' $(seq 4096))}
		printf '%b' "$doc" > doc
		cmd=${cmd//,/ }; path=${path#-}
		for form in text json; do
			rc=0; rt-crdt-merge ${cmd/LATE/$late} -f $form > out 2> err < doc || rc=$?
			cat out err > all
			case $code in
			E_SUM_RANGE | W_NONCANON) [ $rc -eq 1 ]; form=json ;; # check: NDJSON on stdout
			E_*) [ $rc -eq 3 ] && [ ! -s out ] ;;
			W_*) [ $rc -eq 0 ] && [ -s out ] ;;
			esac || { echo "$code: $cmd: status $rc"; cat all; return 1; }
			if [ $form = json ]; then
				grep "\"code\":\"$code\"" all | jq -e --arg path "$path" --argjson line "$line" \
					'(.file|length>0) and .line==$line and .path==$path and (.text|length>8) and (.advice|length>8)' > /dev/null
			else
				grep -qxE "rt-crdt-merge: [a-z-]+:$line: $code(.*): .{8,} \(.{8,}\)" all && grep -qF "$code${path:+ at $path}: " all
			fi || { echo "$code: $cmd ($form), wanted line $line and path '$path':"; cat all; return 1; }
		done
		echo "$code" >> seen
	done <<-'TABLE'
		E_SYNTAX 2 /b merge {"a":1}\n{"b":x}
		E_UTF8 1 /a merge {"a":"\\ud800"}
		E_DEPTH 1 /0/0 merge,-t,gset,--max-depth,2 [[[1]]]
		E_LIMIT 1 /a merge {"a":1NUMBER}
		E_SIZE 2 - merge,--max-line,20 {"a":1}\n{"aaaaaaaaaaaaaaaaaaaaaaa":1}
		E_DUPKEY 1 /a merge {"a":1,"a":2}
		E_TYPE 1 /crdt merge {"crdt":"nosuch/1","state":{}}
		E_VERSION 1 /crdt merge {"crdt":"gcounter/2","state":{}}
		E_KEY 1 /mine merge {"crdt":"gcounter/1","mine":1,"state":{}}
		E_AMBIGUOUS 1 - merge {"node_id":3,"timestamp":2,"value":1}
		E_SHAPE 1 - merge,--shape,plain {"crdt":"gcounter/1","id":"x","state":{}}
		E_EPOCH 2 /epoch merge,epochs
		E_NEG 2 /a merge {\n"a":-1}
		E_NOT_INT 1 /a merge {"a":1.5}
		E_RANGE 1 /a merge {"a":9223372036854775808}
		E_SUM_RANGE 1 - check,--int64 {"a":9223372036854775807,"b":1}
		E_RIGHTS 1 ["u","a"] merge {"crdt":"bcounter/1","state":{"r":{},"u":{"a":1}}}
		E_TS 1 /timestamp merge {"node_id":"a","timestamp":-1,"value":1}
		E_TS_MIXED 2 [] merge,mixed
		E_HLC 1 /timestamp merge {"node_id":"a","timestamp":"2026-02-30T00:00:00Z-0000","value":1}
		E_DRIFT 1 /timestamp merge,LATE,future
		E_DOT_REUSE 2 ["y"] merge,reuse
		E_DOT_UNCOVERED 1 ["x"] merge {"crdt":"orset/1","ctx":{"vv":{}},"state":[["x",[["a",1]]]]}
		E_CTX 1 /ctx/cloud/0/1 merge {"crdt":"orset/1","ctx":{"cloud":[["a",0]],"vv":{}},"state":[]}
		E_NODE 1 / merge {"":1}
		E_OP 1 - apply,--node,n,old {"op":"fly"}
		E_ROLLBACK 1 /ctx apply,--node,n,--witness,new,old
		W_UNSAFE_INT 1 /a merge {"a":9007199254740992}
		W_LWW_TIE 2 [] merge,tie
		W_TS_UNIT 2 [] merge,units
		W_DOT_VALUE 2 [] merge,content
		W_NONMONOTONE 2 - merge,--follow,--at,.d,--replica,.w {"d":{"a":5},"w":"r"}\n{"d":{"a":4},"w":"r"}\n
		W_NONCANON 1 - check {"b":1,"a":1}
		W_DRIFT 1 /timestamp merge,LATE,--on-drift,warn,future
	TABLE
	# None is missing here, nor in the manual.
	grep -oE '"[EW]_[A-Z_0-9]+"' "$BATS_TEST_DIRNAME/../../lib/crdt/find.c" | tr -d '"' | sort > all
	sort -u seen | diff all -
	for c in $(cat all); do grep -qE "^\.It.* $c( ,|\$)" "$BATS_TEST_DIRNAME/../../man/rt-crdt.5" || { echo "$c is not in rt-crdt.5"; return 1; }; done
}

@test "findings of syntax" {
	for d in '{"a":NaN}' '{"a":Infinity}' '{"a":01}' '{"a":1}}' '{"a":1} {"b":2}' '{"a":1' '{"a" 1}' "{'a':1}" '{"a":1,}' '[1,]' '{"a":"\x"}' 'hello' '{"a":-}' '{"a":1.}' '{"a":1e}' '﻿{"a":1}' "$(printf '{"a":"x\001"}')"; do
		finding E_SYNTAX "$d"
	done
	printf '{"a\0":1}' > doc; run rt-crdt-merge doc; [ "$status" -eq 3 ]
	for d in "$(printf '{"a\377":1}')" '{"a\ud800":1}' '{"\udc00\ud800":1}' "$(printf '{"\355\240\200":1}')" "$(printf '{"\300\200":1}')"; do
		finding E_UTF8 "$d"
	done
	finding E_DEPTH "$(printf '[%.0s' $(seq 300))"
	finding E_DEPTH '[[[1]]]' --max-depth 2 -t gset
	head -c 300000 /dev/zero | tr '\0' '[' > doc; run rt-crdt-merge doc; [ "$status" -eq 3 ]
	finding E_SIZE '{"aaaaaaaaaaaaaaaaaa":1}' --max-line 8
	finding E_DUPKEY '{"a":1,"b":2,"a":3}'
	finding E_DUPKEY '{"a":1,"\u0061":2}'
	finding E_DUPKEY '{"b":1,"a":1,"b":2}'
	finding E_DUPKEY '{"k":{"node_id":"a","timestamp":1,"value":{"x":{"y":1,"y":2}}}}'
	finding E_DUPKEY '{"k":{"node_id":"a","timestamp":1,"value":1},"k":{"node_id":"a","timestamp":2,"value":1}}'
}

@test "findings of shape" {
	finding E_TYPE '{"crdt":"nosuch/1","state":{}}'
	finding E_TYPE '[1,2]'
	finding E_TYPE '{"crdt":"gcounter/1","state":{}}' -t orset
	finding E_TYPE '{"a":"b"}'
	finding E_TYPE '{"crdt":"ormap/1","ctx":{"vv":{}},"state":{"k":{"gcounter":{"a":1}}}}'
	finding E_VERSION '{"crdt":"gcounter/2","state":{}}'
	finding E_KEY '{"crdt":"gcounter/1","state":{},"x-mine":1}'
	finding E_KEY '{"crdt":"gcounter/1"}'
	finding E_KEY '{"crdt":"orset/1","state":[]}'
	finding E_KEY '{"crdt":"gcounter/1","ctx":{"vv":{}},"state":{}}'
	finding E_KEY '{"crdt":"pncounter/1","state":{"p":{}}}'
	finding E_KEY '{"crdt":"lww/1","state":{"node_id":"a","timestamp":1}}'
	finding E_KEY '{"crdt":"orset/1","ctx":{"vv":{"a":1}},"state":[["x"]]}'
	finding E_AMBIGUOUS '{"value":1,"timestamp":2,"node_id":3}'
	finding E_AMBIGUOUS '{"value":1,"timestamp":2,"node_id":"a","extra":1}'
	[ "$(echo '{"value":1,"timestamp":2,"node_id":3}' | rt-crdt-merge -t gcounter --value)" = 6 ]
	finding E_SHAPE '{"crdt":"orset/1","ctx":{"vv":{}},"state":[]}' --shape plain
	finding E_SHAPE '{"crdt":"gcounter/1","id":"x","state":{}}' --shape plain
	two E_TYPE '{"a":1}' '{"p":{},"n":{}}'
	two E_EPOCH '{"crdt":"gcounter/1","epoch":1,"state":{}}' '{"crdt":"gcounter/1","epoch":2,"state":{}}'
}

@test "findings of counts" {
	finding E_NEG '{"a":-1}'
	finding E_NEG '{"a":-99999999999999999999}'
	for v in 1.0 true null '"1"' 1e3; do finding E_NOT_INT "{\"crdt\":\"gcounter/1\",\"state\":{\"a\":$v}}"; done
	finding E_RANGE '{"a":9223372036854775808}'
	finding E_RANGE '{"a":99999999999999999999999}'
	finding W_UNSAFE_INT '{"a":9007199254740992}'
	run rt-crdt-merge - <<< '{"a":9007199254740991}'; [ -z "$(rt-crdt-merge - <<< '{"a":9007199254740991}' 2>&1 >/dev/null)" ]
	[ "$(rt-crdt-merge -q value - <<< '{"a":9223372036854775807,"b":9223372036854775807,"c":9223372036854775807}')" = 27670116110564327421 ]
	[ "$(rt-crdt-merge - <<< '{"a":-0}')" = '{"a":0}' ]
	finding E_RIGHTS '{"crdt":"bcounter/1","state":{"r":{"a":{"a":1}},"u":{"a":2}}}'
	finding E_RIGHTS '{"crdt":"bcounter/1","state":{"r":{"a":{"a":1,"b":2}},"u":{}}}'
	finding E_RIGHTS '{"crdt":"bcounter/1","state":{"r":{},"u":{"a":2}}}'
	rt-crdt-merge - <<< '{"crdt":"bcounter/1","delta":true,"state":{"u":{"a":2}}}'
	# What is written can be read: a delta must not make an impossible whole.
	two E_RIGHTS '{"crdt":"bcounter/1","delta":true,"state":{"u":{"a":2}}}' '{"crdt":"bcounter/1","state":{"r":{"a":{"a":1}},"u":{}}}'
	finding E_NODE '{"":1}'
	finding E_NODE "{\"$(head -c 1025 /dev/zero | tr '\0' a)\":1}"
	finding E_RANGE '{"crdt":"max/1","state":1e400}'
}

@test "findings of timestamps" {
	for t in -1 '"x"' true null '[1]'; do
		printf '{"node_id":"a","timestamp":%s,"value":1}\n' "$t" > doc
		run rt-crdt-merge doc; [ "$status" -eq 3 ]; [[ $output == *E_TS* || $output == *E_HLC* ]]
	done
	rt-crdt-merge --allow-negative-ts - <<< '{"node_id":"a","timestamp":-1,"value":1}'
	finding E_HLC '{"node_id":"a","timestamp":"2026-02-30T00:00:00Z-0000","value":1}'
	finding E_TS '{"node_id":"a","timestamp":1e400,"value":1}'
	two E_TS_MIXED '{"node_id":"a","timestamp":5,"value":1}' '{"node_id":"a","timestamp":"2026-11-24T00:00:00Z-0000","value":1}'
	two W_TS_UNIT '{"node_id":"a","timestamp":1700000000,"value":1}' '{"node_id":"a","timestamp":1700000000000,"value":1}'
	two W_LWW_TIE '{"node_id":"a","timestamp":5,"value":1}' '{"node_id":"a","timestamp":5.0,"value":2}'
	finding E_DRIFT '{"node_id":"a","timestamp":"2026-11-24T00:02:00Z-0000","value":1}' --max-drift 1m --now 2026-11-24T00:00:00Z
	finding E_DRIFT '{"node_id":"a","timestamp":1800000000000,"value":1}' --max-drift 1m --now 2026-11-24T00:00:00Z
	finding W_DRIFT '{"node_id":"a","timestamp":1800000000,"value":1}' --max-drift 1m --now 2026-11-24T00:00:00Z --on-drift warn
	rt-crdt-merge --max-drift 1m --now 2026-11-24T00:00:00Z - <<< '{"node_id":"a","timestamp":1,"value":1}'
	finding E_NODE '{"node_id":5,"timestamp":1,"value":"x"}'
	rt-crdt-merge --node-id-any - <<< '{"node_id":5,"timestamp":1,"value":"x"}'
	[ "$(rt-crdt-merge - <<< '{"value":null,"timestamp":0.0,"node_id":""}')" = '{"node_id":"","timestamp":0,"value":null}' ]
}

@test "findings of dots" {
	local c='"crdt":"orset/1"'
	finding E_DOT_UNCOVERED "{$c,\"ctx\":{\"vv\":{}},\"state\":[[\"x\",[[\"a\",1]]]]}"
	finding E_DOT_REUSE "{$c,\"ctx\":{\"vv\":{\"a\":1}},\"state\":[[\"x\",[[\"a\",1]]],[\"y\",[[\"a\",1]]]]}"
	finding E_CTX "{$c,\"ctx\":{\"vv\":{\"a\":1}},\"state\":[[\"x\",[[\"a\",0]]]]}"
	finding E_CTX "{$c,\"ctx\":{\"cloud\":[[\"a\",3],[\"a\",3]],\"vv\":{}},\"state\":[]}"
	finding E_DOT_REUSE '{"crdt":"mvreg/1","ctx":{"vv":{"a":1}},"state":[["a",1,"x"],["a",1,"y"]]}'
	two E_DOT_REUSE "{$c,\"ctx\":{\"vv\":{\"a\":1}},\"state\":[[\"x\",[[\"a\",1]]]]}" "{$c,\"ctx\":{\"vv\":{\"a\":1}},\"state\":[[\"y\",[[\"a\",1]]]]}"
	two W_DOT_VALUE '{"crdt":"mvreg/1","ctx":{"vv":{"a":1}},"state":[["a",1,"x"]]}' '{"crdt":"mvreg/1","ctx":{"vv":{"a":1}},"state":[["a",1,"y"]]}'
	# A dot reused by a third input, with the first one's already removed by the second.
	echo "{$c,\"ctx\":{\"vv\":{\"a\":1}},\"state\":[[\"x\",[[\"a\",1]]]]}" > da
	echo "{$c,\"ctx\":{\"vv\":{\"a\":1}},\"state\":[]}" > db
	echo "{$c,\"ctx\":{\"vv\":{\"a\":1}},\"state\":[[\"y\",[[\"a\",1]]]]}" > dc
	for o in 'da db dc' 'db dc da' 'dc da db'; do run rt-crdt-merge $o; [ "$status" -eq 3 ]; [[ $output == *E_DOT_REUSE* ]]; done
}

@test "counterexamples of the field" {
	# Equal timestamp and node: "keep mine" diverges.
	echo '{"node_id":"a","timestamp":5,"value":"x"}' > p; echo '{"node_id":"a","timestamp":5,"value":"y"}' > q
	[ "$(rt-crdt-merge -q p q)" = "$(rt-crdt-merge -q q p)" ]
	# One instant in two spellings that are not made one: above 2^53 a real stays a real.
	echo '{"node_id":"a","timestamp":1800000000000000000,"value":1}' > p; echo '{"node_id":"a","timestamp":1.8e18,"value":1}' > q
	[ "$(rt-crdt-merge -q p q)" = "$(rt-crdt-merge -q q p)" ]
	echo '{"node_id":"a","timestamp":5,"value":"x"}' > p
	# Between a value and a deletion of one write, the deletion stays.
	echo '{"deleted":true,"node_id":"a","timestamp":5}' > r
	[ "$(rt-crdt-merge -q p r)" = "$(cat r)" ]
	[ "$(rt-crdt-merge -q r p)" = "$(cat r)" ]
	# The remove of an unseen dot waits in the context, and needs no list of its own.
	echo '{"crdt":"orset/1","ctx":{"cloud":[["a",2]],"vv":{}},"delta":true,"state":[]}' > rm
	echo '{"crdt":"orset/1","ctx":{"vv":{"a":2}},"state":[["x",[["a",2]]]]}' > add
	[ "$(rt-crdt-merge value rm add)" = '[]' ]
	# A removed field keeps a concurrent write, and only that.
	echo '{"crdt":"ormap/1","ctx":{"vv":{"a":1,"b":1}},"state":{"f":{"orset":[["x",[["a",1]]],["y",[["b",1]]]]}}}' > m1
	echo '{"crdt":"ormap/1","ctx":{"vv":{"a":1}},"state":{}}' > m2
	[ "$(rt-crdt-merge value m1 m2)" = '{"f":{"orset":["y"]}}' ]
	# Losers of a register in a map are kept: dropping them is not associative.
	[ "$(printf '%s\n' '{"crdt":"ormap/1","ctx":{"vv":{"a":1}},"state":{"f":{"lwwr":[["a",1,{"node_id":"a","timestamp":1,"value":1}]]}}}' \
		'{"crdt":"ormap/1","ctx":{"vv":{"b":1}},"state":{"f":{"lwwr":[["b",1,{"node_id":"b","timestamp":2,"value":2}]]}}}' | rt-crdt-merge | jq '.state.f.lwwr|length')" = 2 ]
	# 2^53 and its neighbour stay apart; 0.1 is 0.1; -0 is 0.
	[ "$(rt-crdt-merge -q -t gset - <<< '[9007199254740993,9007199254740992,0.1,-0,1E2,1.0,1]')" = '[0,0.1,1,1.0,100.0,9007199254740992,9007199254740993]' ]
}

@test "plain shapes are kept, v1 on demand" {
	echo '{"P":{"a":1},"N":{"b":2}}' > p; [ "$(rt-crdt-merge p)" = '{"N":{"b":2},"P":{"a":1}}' ]
	[ "$(rt-crdt-merge --shape v1 p)" = '{"crdt":"pncounter/1","state":{"n":{"b":2},"p":{"a":1}}}' ]
	echo '{"removes":["x"],"adds":["y","x"]}' > s; [ "$(rt-crdt-merge s)" = '{"adds":["x","y"],"removes":["x"]}' ]
	[ "$(rt-crdt-merge value s)" = '["y"]' ]
	echo '{}' > e; [ "$(rt-crdt-merge e)" = '{}' ]; [ "$(rt-crdt-merge e p)" = "$(rt-crdt-merge p)" ]
	echo '{"b":1}' > g; echo '{"crdt":"gcounter/1","state":{"a":2}}' > v; [ "$(rt-crdt-merge g v)" = '{"crdt":"gcounter/1","state":{"a":2,"b":1}}' ]
	[ "$(rt-crdt-merge --shape plain g v)" = '{"a":2,"b":1}' ]
	[ "$(rt-crdt-merge --at .d.s - <<< '{"d":{"s":{"a":1}}}')" = '{"a":1}' ]
	run rt-crdt-merge --at .d - <<< '{"x":1}'; [ "$status" -eq 3 ]
}

@test "NDJSON: documents by id, files by name" {
	printf '%s\n' '{"crdt":"gcounter/1","id":"b","state":{"x":1}}' '' '{"crdt":"gset/1","id":"a","state":[1]}' '{"crdt":"gcounter/1","id":"b","state":{"y":2}}' > n
	[ "$(rt-crdt-merge n | jq -r .id | tr -d '\n')" = ab ]
	[ "$(rt-crdt-merge value n | tr '\n' ' ')" = '[1] 3 ' ]
	printf 'n\0n\0' > names; [ "$(rt-crdt-merge --files0-from names)" = "$(rt-crdt-merge n)" ]
	printf '{"a":1}\r\n{"a":2}' | rt-crdt-merge - | grep -q '{"a":2}'
	printf '{\n "a":\n 1\n}\n' | rt-crdt-merge | grep -q '{"a":1}'
	printf '{"a":1}\n{"a":\n' > bad; run rt-crdt-merge bad; [ "$status" -eq 3 ]; [[ $output == *bad:2:* ]]
}

@test "output is whole or not there, and may be an input" {
	echo '{"a":1}' > a; echo '{"b":2}' > b; chmod 640 a
	rt-crdt-merge a b -o a; [ "$(cat a)" = '{"a":1,"b":2}' ]; [ "$(stat -c %a a)" = 640 ]
	echo '{"b":-2}' > bad; cp a before
	run rt-crdt-merge a bad -o a; [ "$status" -eq 3 ]; cmp a before
	ln -s a link; rt-crdt-merge a b -o link; [ -L link ]; cmp a before
	[ -z "$(ls | grep -F 'a.')" ]
	rt-crdt-merge -f json bad 2>&1 | jq -e '.code=="E_NEG" and .line==1 and .path=="/b"'
}

@test "check, diff, delta, explain, fmt, laws" {
	echo '{"k":{"node_id":"a","timestamp":5,"value":1}}' > a; echo '{"k":{"node_id":"b","timestamp":6,"value":2},"l":{"node_id":"b","timestamp":6,"value":2}}' > b
	[ "$(rt-crdt-merge explain a b)" = '{"loser":{"node_id":"a","src":"a:1","timestamp":5,"value":1},"path":["k"],"rule":"timestamp","winner":{"node_id":"b","src":"b:1","timestamp":6,"value":2}}' ]
	run rt-crdt-merge diff a b; [ "$status" -eq 1 ]; [ "${lines[0]}" = '{"order":"before"}' ]
	run rt-crdt-merge diff b a; [ "${lines[0]}" = '{"order":"after"}' ]
	run rt-crdt-merge diff a a; [ "$status" -eq 0 ]; [ "$output" = '{"order":"equal"}' ]
	rt-crdt-merge check a b; echo '{"b":1, "a":1}' > c
	run rt-crdt-merge check c; [ "$status" -eq 1 ]; [[ $output == *W_NONCANON* ]]
	rt-crdt-merge laws a b | jq -e '.violated==0 and .states==2'
	echo '{"crdt":"orset/1","ctx":{"vv":{"a":1}},"state":[["x",[["a",1]]]]}' > o1; echo '{"crdt":"orset/1","ctx":{"vv":{"a":1}},"state":[]}' > o2
	rt-crdt-merge explain o1 o2 | jq -e '.reason=="removed" and .removed_by=="o2:1"'
	[ "$(rt-crdt-merge delta o1 o2)" = '{"crdt":"orset/1","ctx":{"vv":{"a":1}},"delta":true,"state":[]}' ]
	rt-crdt-merge explain - <<< "$(printf '%s\n' '{"crdt":"mvreg/1","ctx":{"vv":{"a":1}},"state":[["a",1,"x"]]}' '{"crdt":"mvreg/1","ctx":{"vv":{"b":1}},"state":[["b",1,"y"]]}')" | jq -e '.rule=="concurrent-kept"'
}

@test "delta --since: for whoever has seen a context" {
	echo '{"crdt":"orset/1","ctx":{"vv":{"a":4}},"state":[["x",[["a",3]]],["y",[["a",4]]]]}' > b
	echo '{"vv":{"a":3}}' > c
	# The dot of x is neither sent nor in the context: it stays. The two before it go.
	[ "$(rt-crdt-merge delta --since c b)" = '{"crdt":"orset/1","ctx":{"cloud":[["a",4]],"vv":{"a":2}},"delta":true,"state":[["y",[["a",4]]]]}' ]
	for a in '[["x",[["a",3]]]]' '[["x",[["a",3]]],["z",[["a",2]]]]' '[]' '[["z",[["a",1]]]]'; do
		echo "{\"crdt\":\"orset/1\",\"ctx\":{\"vv\":{\"a\":3}},\"state\":$a}" > a
		rt-crdt-merge delta --since c b > d; [ "$(rt-crdt-merge a d)" = "$(rt-crdt-merge a b)" ]
		rt-crdt-merge delta --since a b | cmp - d # a document's own context
	done
	# Naming a million dots is longer than sending one that is there already.
	echo '{"crdt":"orset/1","ctx":{"vv":{"a":1000000}},"state":[["x",[["a",5]]],["y",[["a",1000000]]]]}' > b; echo '{"vv":{"a":999999}}' > c
	[ "$(rt-crdt-merge delta --since c b)" = '{"crdt":"orset/1","ctx":{"vv":{"a":1000000}},"delta":true,"state":[["x",[["a",5]]],["y",[["a",1000000]]]]}' ]
	# So it is between two states; and a few are named.
	echo '{"crdt":"orset/1","ctx":{"vv":{"a":6}},"state":[["w",[["a",6]]],["x",[["a",5]]]]}' > a
	[ "$(rt-crdt-merge delta a b)" = '{"crdt":"orset/1","ctx":{"vv":{"a":1000000}},"delta":true,"state":[["x",[["a",5]]],["y",[["a",1000000]]]]}' ]
	[ "$(rt-crdt-merge a <(rt-crdt-merge delta a b))" = "$(rt-crdt-merge a b)" ]
	echo '{"crdt":"orset/1","ctx":{"cloud":[["a",8]],"vv":{"a":6}},"state":[["x",[["a",5]]]]}' > a
	echo '{"crdt":"orset/1","ctx":{"vv":{"a":9}},"state":[["x",[["a",5]]],["y",[["a",9]]]]}' > b2
	[ "$(rt-crdt-merge delta a b2)" = '{"crdt":"orset/1","ctx":{"cloud":[["a",7],["a",9]],"vv":{}},"delta":true,"state":[["y",[["a",9]]]]}' ]
	echo '{"crdt":"orset/1","ctx":{"vv":{"a":1}},"state":[["x",[["a",1]]]]}' > a; echo '{"crdt":"orset/1","ctx":{"vv":{"a":9007199254740991}},"state":[["x",[["a",1]]]]}' > far
	[ "$(rt-crdt-merge delta a far)" = '{"crdt":"orset/1","ctx":{"vv":{"a":9007199254740991}},"delta":true,"state":[["x",[["a",1]]]]}' ]
	echo '{}' > c; [ "$(rt-crdt-merge delta --since c b | rt-crdt-merge value)" = '["x","y"]' ]
	echo '{"g":1}' > g; run rt-crdt-merge delta --since c g; [ "$status" -eq 3 ]; [[ $output == *E_TYPE*"gcounter has no context"* ]]
	for bad in '{"vv":5}' '{"vv":{}} {}' '[]' '{"vv":{"":1}}' '{"crdt":"gcounter/1","state":{}}' ''; do
		echo "$bad" > c; run rt-crdt-merge delta --since c b; [ "$status" -eq 3 ]; [[ $output == *"c:"*E_* ]]
	done
	run rt-crdt-merge delta --since missing b; [ "$status" -eq 6 ]
	run rt-crdt-merge delta b; [ "$status" -eq 2 ]; run rt-crdt-merge delta --since c a b; [ "$status" -eq 2 ]; run rt-crdt-merge --since c a; [ "$status" -eq 2 ]
}

@test "check --int64, --pretty, --stats" {
	down() { printf '{"crdt":"pncounter/1","state":{"n":{"a":9223372036854775807,"b":%d},"p":{}}}\n' "$1"; }
	run rt-crdt-merge check --int64 - < <(down 1); [[ $output == *W_UNSAFE_INT* && $output != *E_SUM_RANGE* ]] # -2^63 is one
	run rt-crdt-merge check --int64 - < <(down 2); [ "$status" -eq 1 ]; [[ $output == *'"code":"E_SUM_RANGE","file":"-","line":1,"path":""'*-9223372036854775809* ]]
	run rt-crdt-merge check - < <(down 2); [[ $output != *E_SUM_RANGE* ]]
	# Of the join of all inputs, and within maps.
	printf '%s\n' '{"a":9223372036854775807}' '{"b":9223372036854775807}' > g; run rt-crdt-merge check --int64 g; [[ $output == *'"E_SUM_RANGE","file":"g"'*18446744073709551614* ]]
	run rt-crdt-merge check --int64 - <<< '{"crdt":"ormap/1","ctx":{"vv":{"a":1,"b":1}},"state":{"u":{"ormap":{"v/":{"ccounter":[["a",1,[9223372036854775807,0]],["b",1,[1,0]]]}}}}}'
	[ "$(grep -c E_SUM_RANGE <<< "$output")" = 1 ]; [[ $output == *'"path":"[\"u\",\"ormap\",\"v/\",\"ccounter\"]"'* ]]
	run rt-crdt-merge --int64 g; [ "$status" -eq 2 ]
	for d in '{"crdt":"orset/1","ctx":{"vv":{"a":2}},"state":[["x {\"\\",[["a",1]]],[{"e":[],"f":{}},[["a",2]]]]}' '{}' '{"a":1}' '{"node_id":"a","timestamp":1,"value":[[],[[]],{},"",-1.5e-9,null]}'; do
		echo "$d" > d; rt-crdt-merge --pretty d > p; [ "$(wc -l < p)" -gt 1 ] || [ "$d" = '{}' ]
		python3 -c 'import json,sys; print(json.dumps(json.load(open("d")),indent=2,sort_keys=True))' | cmp - p
		rt-crdt-merge p | cmp - <(rt-crdt-merge d)
	done
	printf '%s\n' '{"a":1}' '{"a":2,"b":1}' > n; rt-crdt-merge --stats -f json n g > out 2> stats
	jq -e '.documents_in==4 and .documents_out==1 and .files==2 and .bytes_in==74 and .bytes_out==50 and .errors==0 and .warnings==2 and .streamed==0' <(tail -1 stats)
	rt-crdt-merge -q --stats n 2>&1 > /dev/null | grep -q 'bytes_in=22 '
}

@test "apply: operations become dots and slots" {
	printf '%s\n' '{"op":"inc"}' '{"by":4,"op":"inc"}' | rt-crdt-merge apply --node n -t gcounter -o g; [ "$(cat g)" = '{"crdt":"gcounter/1","state":{"n":5}}' ]
	printf '%s\n' '{"op":"add","elem":"x"}' '{"op":"add","elem":"y"}' '{"op":"rm","elem":"x"}' | rt-crdt-merge apply --node n -t orset > s; [ "$(rt-crdt-merge value s)" = '["y"]' ]
	echo '{"op":"clear"}' | rt-crdt-merge apply --node m s -o s; [ "$(rt-crdt-merge value s)" = '[]' ]
	printf '%s\n' '{"op":"inc","by":3}' '{"op":"transfer","amount":2,"to":"m"}' '{"op":"dec"}' | rt-crdt-merge apply --node n -t bcounter > c; [ "$(rt-crdt-merge value c)" = 2 ]
	run rt-crdt-merge apply --node n c <<< '{"op":"dec"}'; [ "$status" -eq 3 ]; [[ $output == *E_RIGHTS* ]]
	run rt-crdt-merge apply --node n c <<< '{"op":"fly"}'; [ "$status" -eq 3 ]; [[ $output == *E_OP* ]]
	run rt-crdt-merge apply c; [ "$status" -eq 2 ]
	echo '{"op":"on"}' | rt-crdt-merge apply --node n -t ewflag | rt-crdt-merge value | grep -qx true
	echo '{"op":"off"}' | rt-crdt-merge apply --node n -t dwflag | rt-crdt-merge value | grep -qx false
	printf '%s\n' '{"op":"set","value":1}' '{"op":"set","value":2}' | rt-crdt-merge apply --node n -t mvreg | rt-crdt-merge value | grep -qx '\[2\]'
	printf '%s\n' '{"op":"inc","by":5}' '{"op":"dec"}' | rt-crdt-merge apply --node n -t ccounter | rt-crdt-merge value | grep -qx 4
	printf '%s\n' '{"op":"put","key":"k","value":1}' '{"op":"put","key":"k","value":2}' | rt-crdt-merge apply --node n -t lwwmap > l; [ "$(rt-crdt-merge value l)" = '{"k":2}' ]
	echo '{"op":"del","key":"k"}' | rt-crdt-merge apply --node n l | rt-crdt-merge value | grep -qx '{}'
	printf '%s\n' '{"at":["u","s"],"elem":"x","op":"add","type":"orset"}' '{"at":["v"],"op":"on","type":"ewflag"}' '{"at":["u"],"op":"clear"}' | rt-crdt-merge apply --node n -t ormap | rt-crdt-merge value | grep -qx '{"v":{"ewflag":true}}'
	echo '{"op":"add","elem":1}' | rt-crdt-merge apply --node n -t orset > old; echo '{"op":"add","elem":2}' | rt-crdt-merge apply --node n old > new
	run rt-crdt-merge apply --node n --witness new old <<< '{"op":"add","elem":3}'; [ "$status" -eq 3 ]; [[ $output == *E_ROLLBACK* ]]
}

@test "hlc" {
	[ "$(rt-crdt-merge hlc now --now 2026-11-24T04:12:42.123Z)" = 2026-11-24T04:12:42.123000Z-0000 ]
	rt-crdt-merge hlc now --state c --now 2026-11-24T04:12:42Z; [ "$(rt-crdt-merge hlc now --state c --now 2020-01-01T00:00:00Z)" = 2026-11-24T04:12:42.000000Z-0001 ]
	[ "$(rt-crdt-merge hlc recv 2026-11-24T04:12:43Z-ffff --state c --now 2026-11-24T04:12:42Z)" = 2026-11-24T04:12:43.000001Z-0000 ]
	run rt-crdt-merge hlc recv 2027-01-01T00:00:00Z-0000 --now 2026-11-24T04:12:42Z --max-drift 1m; [ "$status" -eq 3 ]
	run rt-crdt-merge hlc recv 9999-12-31T23:59:59.999999Z-ffff; [ "$status" -eq 3 ]; [[ $output == *"year 9999"* ]]
	[ "$(rt-crdt-merge hlc cmp 2026-11-24T04:12:42Z-0001 2026-11-24T04:12:42Z-0002)" = before ]
	[ "$(rt-crdt-merge hlc parse 1700000000000:3:node)" = 2023-11-14T22:13:20.000000Z-0003 ]
	[ "$(rt-crdt-merge hlc parse "$(rt-crdt-merge hlc pack 2023-11-14T22:13:20Z-0003)")" = 2023-11-14T22:13:20.000000Z-0003 ]
	[ "$(rt-crdt-merge hlc parse 2016-12-31T23:59:60Z-0000)" = 2016-12-31T23:59:59.999999Z-0001 ]
	run rt-crdt-merge hlc parse 2023-02-29T00:00:00Z-0000; [ "$status" -eq 3 ]
}

@test "large sorted inputs are streamed, and say the same as the general way" {
	python3 - <<-'PY'
	import random
	random.seed(3)
	def f(name, v1, lo, hi, entry):
	    body = ','.join('"key-%07d":%s' % (i, entry(i)) for i in range(lo, hi))
	    open(name, 'w').write(('{"crdt":"%s/1","state":{%s}}' % (v1, body) if v1 else '{%s}' % body) + '\n')
	count = lambda i: random.getrandbits(40)
	lww = lambda i: '{"node_id":"é%d","timestamp":%d,"value":"v%d"}' % (random.randrange(9), random.randrange(10**9), random.randrange(99))
	f('s1', None, 0, 350000, count); f('s2', 'gcounter', 1000, 350000, count)
	def o(name, at, node):
	    body = ','.join('["elem-%07d",[["a",%d],["%s",%d]]]' % (i, i + 1, node, i + 1) for i in range(at, at + 40000) if random.random() < .9)
	    open(name, 'w').write('{"crdt":"orset/1","ctx":{"cloud":[["z",7]],"vv":{"a":%d,"%s":50000}},"state":[%s]}\n' % (at + 40000, node, body))
	o('o1', 0, 'é'); o('o2', 9000, 'b')
	f('l1', 'lwwmap', 0, 130000, lww); f('l2', 'lwwmap', 5, 130005, lww)
	PY
	for p in 's1 s2' 'l1 l2' 's2 s1 s1' 'o1 o2' 'o2 o1 o2'; do
		set -- $p
		rt-crdt-merge -q "$@" -o streamed
		cat "$@" | sed 's/:{"node/: {"node/' > one # NDJSON: the general way
		rt-crdt-merge -q one -o general
		cmp streamed general
		rt-crdt-merge -q <(cat $1) <(cat $2) | cmp - streamed
	done
	# Not sorted after all, in a file: the general way. A fault far inside: nothing is written.
	sed 's/"key-0200000":\([0-9]*\),"key-0200001":\([0-9]*\)/"key-0200001":\2,"key-0200000":\1/' s1 > u1
	rt-crdt-merge u1 s2 | cmp - <(rt-crdt-merge s1 s2)
	sed 's/"key-0340000":/"key-0340000":-/' s1 > bad
	run rt-crdt-merge bad s2; [ "$status" -eq 3 ]; [[ $output == *"E_NEG at /key-0340000"* ]]
	sed 's/"key-0340000":/"key-0339999":/' s1 > bad
	run rt-crdt-merge bad s2; [ "$status" -eq 3 ]; [[ $output == *E_DUPKEY* ]]
	sed 's/"elem-0031234",\[\["a",31235\]/"elem-0031234",[["a",99]/' o2 > bad
	run rt-crdt-merge o1 bad; [ "$status" -eq 3 ]; [[ $output == *"E_DOT_REUSE at [\"elem-0031234\"]"* ]]
	head -c -20 s1 > bad; run rt-crdt-merge bad s2; [ "$status" -eq 3 ]
	case $RT_BIN in *san-*) ;; *) (ulimit -v 30000; rt-crdt-merge s1 s2 -o /dev/null) ;; esac
}

@test "follow: a line for every change, a snapshot, a signal" {
	printf '%s\n' '{"a":1}' '{"a":1}' '{"b":2}' '{"a":0}' | rt-crdt-merge --follow --value > out; [ "$(tr '\n' ' ' < out)" = '1 3 ' ]
	printf '%s\n' '{"a":1}' '{"a":3,"b":1}' | rt-crdt-merge --follow --emit delta | tail -1 | grep -qx '{"crdt":"gcounter/1","delta":true,"state":{"a":3,"b":1}}'
	printf '%s\n' '{"a":1}' | rt-crdt-merge --follow --snapshot snap > /dev/null; [ "$(cat snap)" = '{"a":1}' ]
	printf '%s\n' '{"a":1}' '{"b":1}' | rt-crdt-merge --follow --snapshot snap > out; [ "$(cat out)" = '{"a":1,"b":1}' ]; [ "$(cat snap)" = '{"a":1,"b":1}' ]
	run bash -c 'echo "{\"a\":-1}" | rt-crdt-merge --follow'; [ "$status" -eq 3 ]
	run bash -c 'echo "{\"node_id\":\"a\",\"timestamp\":9000000000,\"value\":1}" | rt-crdt-merge --follow'; [ "$status" -eq 3 ]; [[ $output == *E_DRIFT* ]]
	mkfifo p o; rt-crdt-merge --follow --snapshot snap2 < p > o & pid=$!
	exec 7> p 8< o; echo '{"c":1}' >&7
	read -r -t 10 line <&8; [ "$line" = '{"c":1}' ]
	kill -TERM $pid; rc=0; wait $pid || rc=$?; exec 7>&- 8<&-
	[ $rc -eq 143 ]; [ "$(cat snap2)" = '{"c":1}' ]
	# Whoever reads goes away after a line: a quiet end.
	rt-crdt-merge --follow < p > o 2> err & pid=$!
	exec 7> p 8< o; echo '{"a":1}' >&7
	read -r -t 10 line <&8; [ "$line" = '{"a":1}' ]
	exec 8<&- 7>&-
	rc=0; wait $pid || rc=$?; [ $rc -eq 141 ] || [ $rc -eq 0 ]; [ ! -s err ]
}

# --- git ------------------------------------------------------------------------------------------

repo() {
	git init -q -b main r && cd r
	git config user.email t@example.org; git config user.name t
	rt-crdt-merge -q git-install
	echo '*.crdt.json merge=rtcrdt diff=rtcrdt -text' > .gitattributes
	echo '{"a":1}' > c.crdt.json
	git add -A; git commit -qm base
}

put() { echo "$1" > c.crdt.json; git add -A; git commit -qm "${2:-put}"; }

@test "git: merge, rebase, both added, criss-cross" {
	repo
	git checkout -qb other; put '{"a":1,"b":5}'
	git checkout -q main; put '{"a":4}'
	git merge -q -m m other; [ "$(cat c.crdt.json)" = '{"a":4,"b":5}' ]; [ -z "$(git status --porcelain)" ]
	git checkout -qb re HEAD~1; put '{"a":4,"z":1}'; git rebase -q other; [ "$(cat c.crdt.json)" = '{"a":4,"b":5,"z":1}' ]
	git checkout -q main; git checkout -qb x; echo '{"x":1}' > n.crdt.json; git add -A; git commit -qm x
	git checkout -q main; echo '{"y":1}' > n.crdt.json; git add -A; git commit -qm y
	git merge -q -m m x; [ "$(cat n.crdt.json)" = '{"x":1,"y":1}' ]
	git checkout -qb l; put '{"a":9,"b":5}' l1; git checkout -q main; git checkout -qb k; put '{"a":4,"b":9}' k1
	git merge -q -m m l; git checkout -q l; git merge -q -m m k~1 || true; git merge -q -m m k; [ "$(cat c.crdt.json)" = '{"a":9,"b":9}' ]
	git diff main -- c.crdt.json | grep -q '^+18'
}

@test "git: a revert is told, a bad input leaves ours untouched" {
	repo
	put '{"a":7}'; git checkout -qb other; git revert --no-edit HEAD >/dev/null; git checkout -q main; put '{"a":7,"b":1}'
	run git merge -m m other; [ "$status" -eq 0 ]; [[ $output == *W_NONMONOTONE* ]]; [ "$(cat c.crdt.json)" = '{"a":7,"b":1}' ]
	git checkout -qb bad HEAD~1; put '{"a":-7}'; git checkout -q main; put '{"a":8,"b":1}'
	run git merge -m m bad; [ "$status" -eq 1 ]; echo "$output"; [[ $output == *E_NEG* ]]
	git status --porcelain | grep -q '^UU c.crdt.json'; [ "$(cat c.crdt.json)" = '{"a":8,"b":1}' ]
	git merge --abort
	printf '' > o; echo '{"a":1}' > x; run rt-crdt-merge git-merge o x missing n; [ "$status" -eq 1 ]; [ "$(cat x)" = '{"a":1}' ]
}

# A document with an id: doc ID TYPE STATE [VV].
doc() {
	local ctx=
	[ $# -lt 4 ] || ctx='"ctx":{"vv":'$4'},'
	printf '{"crdt":"%s/1",%s"id":"%s","state":%s}\n' "$2" "$ctx" "$1" "$3"
}
commit() { git add -A; git commit -qm "${1:-c}"; }

@test "git: a file of many documents is merged by id" {
	repo
	echo '*.crdt.ndjson merge=rtcrdt diff=rtcrdt -text' >> .gitattributes
	f=all.crdt.ndjson
	{ doc cart orset '[["x",[["a",1]]]]' '{"a":1}'; doc hits gcounter '{"a":1}'; } > $f; commit base
	# One side removes x and counts, the other adds y and a document of its own.
	git checkout -qb other; { doc cart orset '[]' '{"a":1}'; doc hits gcounter '{"a":1,"b":5}'; } > $f; commit
	git checkout -q main; { doc cart orset '[["x",[["a",1]]],["y",[["a",2]]]]' '{"a":2}'; doc hits gcounter '{"a":4}'; doc tags gset '[1]'; } > $f; commit
	git checkout -qb top main
	git merge -q -m m other; [ -z "$(git status --porcelain)" ]
	{ doc cart orset '[["y",[["a",2]]]]' '{"a":2}'; doc hits gcounter '{"a":4,"b":5}'; doc tags gset '[1]'; } > want; cmp want $f; rm want
	git diff HEAD~1 -- $f | grep -q '^+9'
	# Rebasing comes to the same state.
	git checkout -q other; git rebase -q main; git diff --quiet top -- $f
	# Both add a file; they share one document.
	git checkout -qb l main; { doc p max 3; doc q gcounter '{"l":1}'; } > n.crdt.ndjson; commit
	git checkout -qb r main; { doc q gcounter '{"r":1}'; doc s min 3; } > n.crdt.ndjson; commit
	git merge -q -m m l; { doc p max 3; doc q gcounter '{"l":1,"r":1}'; doc s min 3; } | cmp - n.crdt.ndjson
	# Criss-cross: two common ancestors, which git merges first with this driver.
	git checkout -qb k main; { cat $f; doc k gcounter '{"k":1}'; } > new; mv new $f; commit
	git checkout -qb j main; sed -i 's/"a":4/"a":7/' $f; commit
	git checkout -qb kj k; git merge -q -m m j; git checkout -q j; git merge -q -m m k~0; sed -i 's/"k":1/"k":2/' $f; commit
	git checkout -q kj; sed -i 's/"a":7/"a":8/' $f; commit; git merge -q -m m j
	grep -q '"a":8' $f; grep -q '"k":2' $f; [ -z "$(git status --porcelain)" ]
}

@test "git: what went back in one of many documents is told; a bad one leaves ours untouched" {
	repo
	echo '*.crdt.ndjson merge=rtcrdt diff=rtcrdt -text' >> .gitattributes
	f=all.crdt.ndjson
	{ doc a gcounter '{"n":1}'; doc b gcounter '{"n":1}'; } > $f; commit base
	sed -i '2s/"n":1/"n":7/' $f; commit seven
	git checkout -qb back; git revert --no-edit HEAD > /dev/null
	git checkout -q main; sed -i '1s/"n":1/"n":2/' $f; commit two
	run git merge -m m back; [ "$status" -eq 0 ]
	[[ $output == *"all.crdt.ndjson:2: W_NONMONOTONE at /id: theirs of \"b\" went back"* ]]; [ "$(grep -c W_ <<< "$output")" = 1 ]
	{ doc a gcounter '{"n":2}'; doc b gcounter '{"n":7}'; } | cmp - $f
	# A document that is gone comes back, and is told.
	git checkout -qb gone; sed -i 2d $f; commit; git checkout -q main; sed -i '1s/"n":2/"n":3/' $f; commit
	run git merge -m m gone; [ "$status" -eq 0 ]; [[ $output == *W_NONMONOTONE*"theirs of \"b\" is gone"* ]]; [ "$(wc -l < $f)" -eq 2 ]
	# One bad document among many, a type that changed: a conflict, ours as it was, each time.
	for change in '2s/"n":7/"n":-7/' '1s/gcounter/gset/;1s/{"n":[0-9]*}/[3]/' '2s/}$//'; do
		git checkout -q -B bad main; sed -i "$change" $f; commit; git checkout -q main; git commit -q --allow-empty -m e; sed -i '1s/"n":\([0-9]*\)/"n":1\1/' $f; commit
		cp $f before
		run git merge -m m bad; [ "$status" -eq 1 ]; [ "$status" -eq 1 ]; [[ $output == *"$f ("*"):"[12]": E_"* ]]
		git status --porcelain | grep -q "^UU $f"; cmp before $f; git merge --abort; rm before
	done
	# A warning is a conflict for those who say so.
	git config merge.rtcrdt.driver 'rt-crdt-merge git-merge --strict %O %A %B %P'
	git checkout -qb back2; sed -i '2s/"n":7/"n":6/' $f; commit; git checkout -q main; sed -i '2s/"n":7/"n":8/' $f; commit
	run git merge -m m back2; [ "$status" -eq 1 ]; git merge --abort
	git config merge.rtcrdt.driver 'rt-crdt-merge git-merge --pretty %O %A %B %P'
	git merge -q -m m back2; [ "$(wc -l < $f)" -gt 10 ]; rt-crdt-merge $f | grep -q '"n":8'
}

@test "a verb misspelt is no file" {
	run rt-crdt-merge valeu x.json
	[ "$status" -eq 2 ]
	[ "${lines[0]}" = "rt-crdt-merge: 'valeu' is neither a verb nor a file (did you mean 'value'?)" ]
	run rt-crdt-merge --shape v1 ckeck
	[ "$status" -eq 2 ]
	[[ ${lines[0]} == *"(did you mean 'check'?)" ]]
	# What is a file, or like no verb, is opened.
	run rt-crdt-merge nosuch.json
	[[ $output == *"cannot"*"'nosuch.json'"* ]]
	[[ $output != *"did you mean"* ]]
	printf '{}' >valeu
	run rt-crdt-merge valeu
	[[ $output != *"did you mean"* ]]
	# What shells complete as verbs are verbs.
	local verb
	for verb in $(rt-crdt-merge --completion fish | sed -n "s/.*__fish_use_subcommand -a '\(.*\)'$/\1/p"); do
		run rt-crdt-merge "$verb" </dev/null
		[[ $output != *"'$verb'"* ]]
	done
	[ "$verb" ]
}

@test "who writes a state by hand for the first time is told what was meant" {
	while IFS='|' read -r words args doc; do
		rc=0; printf '%s\n' "$doc" | rt-crdt-merge $args > out 2> err || rc=$?
		[ $rc -ge 2 ] && [ ! -s out ] && grep -qF -- "$words" err || { echo "wanted '$words' from $args: $doc"; cat err; return 1; }
	done <<-'TABLE'
		unknown type 'gcounter' (did you mean 'gcounter/1'?)||{"crdt":"gcounter","state":{"a":1}}
		unknown type 'g-counter/1' (did you mean 'gcounter/1'?)||{"crdt":"g-counter/1","state":{"a":1}}
		unknown type 'tree/1' (rt-crdt-merge -V lists the types)||{"crdt":"tree/1","state":{"a":1}}
		'or-set' is not known (did you mean 'orset'?)|-t or-set|[]
		'tree' is not known (-V lists the types)|-t tree|[]
		none of the plain shapes; is the state in a member of it? (--at .counter)||{"counter":{"a":1}}
		none of the plain shapes; is the state in a member of it? (--at .state)||{"type":"gcounter","state":{"a":1}}
		a pncounter has both halves, P and N||{"P":{"a":1}}
		a pncounter has both halves, p and n||{"n":{"a":1}}
		unknown member 'version' (there are: crdt ctx delta epoch id state)||{"crdt":"gcounter/1","version":1,"state":{}}
		an orset needs the member 'ctx', as in {"vv":{"node":1}}||{"crdt":"orset/1","state":[]}
		an entry is [element, [[node, number], ...]]||{"crdt":"orset/1","ctx":{"vv":{}},"state":["ann"]}
		a dot is [node, number], and several are [[node, number], ...]||{"crdt":"orset/1","ctx":{"vv":{"b":1}},"state":[["ann",["b",1]]]}
		unknown member 'b' (there are: cloud vv)||{"crdt":"orset/1","ctx":{"b":1},"state":[]}
		diff needs two states|diff -|{}
		delta needs two states, or --since CONTEXT and one|delta -|{}
		an orset has no operation 'remove' (it has: add rm clear)|apply --node a -t orset|{"op":"remove","elem":1}
		an orset has no operation 'inc' (it has: add rm clear)|apply --node a -t orset|{"op":"inc"}
		a gcounter has no operation 'dec' (it has: inc)|apply --node a -t gcounter|{"op":"dec"}
		the member 'op' is missing (an orset has: add rm clear)|apply --node a -t orset|{"add":"ann"}
		a lwwmap has no operation 'set' (it has: put del)|apply --node a -t lwwmap|{"op":"set","value":1}
		an mvreg has no operation 'put' (it has: set clear)|apply --node a -t ormap|{"op":"put","at":["x"],"type":"mvreg"}
		cannot open 'nosuch': no such file or directory|nosuch|
		cannot read '/': is a directory|/|
		cannot write beside '/nonexistent/x': no such file or directory|-o /nonexistent/x|{"a":1}
	TABLE
}

@test "explain tells a removal from a replacement, and what stands there all the same" {
	o() { echo "{\"crdt\":\"orset/1\",\"ctx\":{\"vv\":$1},\"state\":$2}"; }
	o '{"berlin":2}' '[["ann",[["berlin",1]]],["bob",[["berlin",2]]]]' > berlin
	o '{"berlin":2,"paris":1}' '[["ann",[["berlin",1]]],["cyd",[["paris",1]]]]' > paris
	o '{"berlin":2,"tokyo":1}' '[["ann",[["berlin",1]]],["bob",[["tokyo",1]]]]' > tokyo
	[ "$(rt-crdt-merge explain berlin paris)" = '{"dots":[["berlin",2]],"path":["bob"],"reason":"removed","removed_by":"paris:1","rule":"dot-covered"}' ]
	[ "$(rt-crdt-merge explain berlin tokyo)" = '{"dots":[["berlin",2]],"path":["bob"],"reason":"replaced","removed_by":"tokyo:1","rule":"dot-covered","stays":[["tokyo",1]]}' ]
	[ "$(rt-crdt-merge explain berlin paris tokyo)" = '{"dots":[["berlin",2]],"path":["bob"],"reason":"removed","removed_by":"paris:1","rule":"dot-covered","stays":[["tokyo",1]]}' ]
	[ "$(rt-crdt-merge value berlin paris tokyo)" = '["ann","bob","cyd"]' ]
	# A register that was written again.
	printf '%s\n' '{"crdt":"mvreg/1","ctx":{"vv":{"a":1}},"state":[["a",1,"x"]]}' '{"crdt":"mvreg/1","ctx":{"vv":{"a":2}},"state":[["a",2,"y"]]}' > r
	[ "$(rt-crdt-merge explain r)" = '{"dots":[["a",1]],"path":[],"reason":"replaced","removed_by":"r:2","rule":"dot-covered","stays":[["a",2]]}' ]
}
