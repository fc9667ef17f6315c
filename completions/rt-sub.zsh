#compdef rt-sub
# zsh completion of rt-sub, generated from its option table

_rt_rooms() {
	local room rest
	local -a rooms
	while read -r room rest; do rooms+=("$room"); done < <(rt-sub -L -f "{room}" -w 1s 2>/dev/null)
	compadd -a rooms
}

_rt_sub() {
	_arguments -s -S \
		'(-s --since)'{-s+,--since=}'[ID, earliest, latest, last:N, 10m, a time, @FILE]:FROM:(earliest latest)' \
		'(-n --count)'{-n+,--count=}'[stop after N messages]:N: ' \
		'(-e --until-end)'{-e,--until-end}'[stop after what there is now]' \
		'(-m --meta)'{-m,--meta}'[with _id, _room, _ts, and control lines]' \
		'(-f --format)'{-f+,--format=}'[json, or a template: '\''{user_id}: {text}'\'']:FORMAT:(json table)' \
		'(-o --output)'{-o+,--output=}'[instead of stdout; {room} in it: one each]:FILE:_files' \
		--raw'[payload bytes, nothing else]' \
		'(-0 --null)'{-0,--null}'[NUL instead of a line end]' \
		--events='[also join,leave,typing]:LIST:(join leave typing)' \
		'(-L --rooms)'{-L,--rooms}'[list rooms (of a pattern) instead]' \
		--cursor-file='[go on where the last run ended]:FILE:_files' \
		--no-gap'[exit 7 when history is gone]' \
		'(-x --exec)'{-x+,--exec=}'[run CMD for each, the message on stdin]:CMD: ' \
		'(-j --jobs)'{-j+,--jobs=}'[commands at a time; a room stays in order]:N: ' \
		--unordered'[also within a room]' \
		--publish='[publish CMD'\''s lines to ROOM]:ROOM:_rt_rooms' \
		--max-deliver='[tries of a message (3)]:N: ' \
		--dead-letter='[where messages go that were used up]:ROOM:_rt_rooms' \
		--nak-delay=':DURATION: ' \
		--exec-timeout='[of one command (5m)]:DURATION: ' \
		--user=':ID: ' \
		--buffer=':SIZE: ' \
		--max-message=':SIZE: ' \
		--durable=':NAME: ' \
		--ack-wait=':DURATION: ' \
		--batch=':N: ' \
		'(-w --timeout)'{-w+,--timeout=}'[deadline]:DURATION: ' \
		'(-d --for)'{-d+,--for=}'[stop after that time]:DURATION: ' \
		--profile='[raw: any WebSocket or SSE server]:profile:(rt raw)' \
		'(-u --url)'{-u+,--url=}'[server, or @NAME of a profile (default $RT_URL)]:URL: ' \
		--retry='[how long one outage may last, or forever]:DURATION:(forever)' \
		--token-file='[holds the token (else $RT_TOKEN)]:FILE:_files' \
		'*'{-H+,--header=}':'\''N\: V'\'': ' \
		--ca=':FILE:_files' \
		'(-k --insecure)'{-k,--insecure}'' \
		--cert=':FILE:_files' \
		--key-file=':FILE:_files' \
		'(-q --quiet)'{-q,--quiet}'[errors only]' \
		'*'{-v,--verbose}'[say more, on stderr]' \
		--color=':color:(auto always never)' \
		'(-h --help)'{-h,--help}'[this]' \
		'(-V --version)'{-V,--version}'' \
		--completion=':SHELL:(bash zsh fish)' \
		--dump-options'' \
		'*:room:_rt_rooms'
}

# Found in fpath it runs at once; sourced it registers itself.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
	_rt_sub "$@"
else
	compdef _rt_sub rt-sub
fi
