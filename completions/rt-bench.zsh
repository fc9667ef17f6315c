#compdef rt-bench
# zsh completion of rt-bench, generated from its option table

_rt_rooms() {
	local room rest
	local -a rooms
	while read -r room rest; do rooms+=("$room"); done < <(rt-sub -L -f "{room}" -w 1s 2>/dev/null)
	compadd -a rooms
}

_rt_bench() {
	_arguments -s -S \
		'(-c --subscribers)'{-c+,--subscribers=}'[or connections; in all rooms together]:N: ' \
		'(-p --publishers)'{-p+,--publishers=}':N: ' \
		'(-r --rate)'{-r+,--rate=}'[messages a second, of all publishers]:RATE: ' \
		--stages='[rates, one after the other]:10s\:1k/s,..: ' \
		--window='[instead: so many unanswered at each publisher]:N: ' \
		--size='[bytes of a message (128)]:SIZE: ' \
		'(-n --count)'{-n+,--count=}':N: ' \
		--rooms=':N: ' \
		--room='[its name, instead of a new one]:ROOM:_rt_rooms' \
		--transport='[of subscribers]:transport:(ws sse stream poll)' \
		--ramp='[spreads connecting over that time]:DURATION: ' \
		--connect-rate=':RATE: ' \
		--sources=':127.0.0.2-127.0.0.9: ' \
		--storm'[connect: then all drop and come back]' \
		--reconnect=':reconnect:(spread now)' \
		--from=':N: ' \
		--expect=':N: ' \
		--strict'' \
		--pid='[samples the server'\''s CPU, memory, files]:PID: ' \
		'*'--max='[exit 1 when over]:p99=50ms,..: ' \
		'*'--min='[exit 1 when under]:rate=1k/s,..: ' \
		'(-f --format)'{-f+,--format=}':format:(table json)' \
		'(-o --output)'{-o+,--output=}'[the report, instead of stdout]:FILE:_files' \
		--html='[a page with curves as well]:FILE:_files' \
		--tolerance='[of compare]:10%: ' \
		'(-w --timeout)'{-w+,--timeout=}'[for all to connect (30s)]:DURATION: ' \
		'(-d --for)'{-d+,--for=}'[how long (10s)]:DURATION: ' \
		--profile='[whose protocol (rt)]:NAME|FILE: ' \
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
		--dump-options''
}

# Found in fpath it runs at once; sourced it registers itself.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
	_rt_bench "$@"
else
	compdef _rt_bench rt-bench
fi
