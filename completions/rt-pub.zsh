#compdef rt-pub
# zsh completion of rt-pub, generated from its option table

_rt_rooms() {
	local room rest
	local -a rooms
	while read -r room rest; do rooms+=("$room"); done < <(rt-sub -L -f "{room}" -w 1s 2>/dev/null)
	compadd -a rooms
}

_rt_pub() {
	_arguments -s -S \
		'(-T --text)'{-T,--text}'[plain lines: {"type":"message","text":LINE}]' \
		'(-1 --one)'{-1,--one}'[all of stdin is one message]' \
		--raw'[any bytes (with -1: a whole file)]' \
		--wrap'[any JSON, not objects only]' \
		--type='[type of messages that have none]:TYPE: ' \
		--user='[publish as that user]:ID: ' \
		--key='[the newest message of a key replaces older ones]:.FIELD: ' \
		--id='[deduplication id out of the message]:.FIELD: ' \
		--fresh'[lines with _id are new messages]' \
		--prefix='[in front of each line'\''s _room]:TEXT: ' \
		'(-r --rate)'{-r+,--rate=}'[at most so many messages]:N/s: ' \
		--pace='[replay at the speed of _ts, or 10x]:1x: ' \
		'(-n --count)'{-n+,--count=}'[stop after N messages]:N: ' \
		--window='[messages on their way at most (1024)]:N: ' \
		--full='[when that window is full]:full:(block drop)' \
		--acks'[acknowledgements on stdout]' \
		--cursor-file='[where the last acknowledged _id goes]:FILE:_files' \
		--number'[add p and n, for rt-bench verify]' \
		--strict'[stop at the first bad line]' \
		--max-message='[longest message (1m)]:SIZE: ' \
		'(-f --format)'{-f+,--format=}':FORMAT:(json)' \
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
	_rt_pub "$@"
else
	compdef _rt_pub rt-pub
fi
