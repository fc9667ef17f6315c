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
		'(-c --subscribers)'{-c+,--subscribers=}'[in all rooms together]:N: ' \
		'(-r --rate)'{-r+,--rate=}'[messages a second, of all publishers]:RATE: ' \
		--stages='[rates, one after the other]:10s\:1k/s,..: ' \
		--size='[bytes of a message (128)]:SIZE: ' \
		--room='[its name, instead of a new one]:ROOM:_rt_rooms' \
		--transport='[of subscribers]:transport:(ws sse stream poll)' \
		--ramp='[spreads connecting over that time]:DURATION: ' \
		--pid='[samples the server'\''s CPU, memory, files]:PID: ' \
		'*'--max='[exit 1 when over]:p99=50ms,..: ' \
		'*'--min='[exit 1 when under]:rate=1k/s,..: ' \
		'(-o --output)'{-o+,--output=}'[the report, instead of stdout]:FILE:_files' \
		--html='[a page with curves as well]:FILE:_files' \
		--tolerance='[of compare]:10%: ' \
		'(-w --timeout)'{-w+,--timeout=}'[for all to connect (30s)]:DURATION: ' \
		'(-d --for)'{-d+,--for=}'[how long to publish (10s)]:DURATION: ' \
		--profile='[whose protocol (rt)]:NAME|FILE: ' \
		'(-u --url)'{-u+,--url=}'[server, or @NAME of a profile (default $RT_URL)]:URL: ' \
		--retry='[how long one outage may last, or forever]:DURATION: ' \
		--token-file='[holds the token (else $RT_TOKEN)]:FILE:_files' \
		'(-q --quiet)'{-q,--quiet}'[errors only]' \
		'*'{-v,--verbose}'[say more, on stderr]' \
		'(-h --help)'{-h,--help}'[this]'
}

# Found in fpath it runs at once; sourced it registers itself.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
	_rt_bench "$@"
else
	compdef _rt_bench rt-bench
fi
