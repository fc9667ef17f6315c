#compdef rt-serve
# zsh completion of rt-serve, generated from its option table

_rt_rooms() {
	local room rest
	local -a rooms
	while read -r room rest; do rooms+=("$room"); done < <(rt-sub -L -f "{room}" -w 1s 2>/dev/null)
	compadd -a rooms
}

_rt_serve() {
	_arguments -s -S \
		'*'{-l+,--listen=}'[9000 (loopback), :9000 (all), \[::1\]:9000, unix:PATH; repeat for more]:ADDRESS: ' \
		'(-b --bus)'{-b+,--bus=}'[what carries messages between instances (mem:)]:URL: ' \
		--history='[messages kept of each room (1000)]:N: ' \
		--history-bytes='[bytes kept of each room (1m)]:SIZE: ' \
		--history-age='[how long a message is kept (1h)]:TIME: ' \
		--memory='[of all rooms together; idle rooms go first (256m)]:SIZE: ' \
		'*'--slow='[who falls behind: skip (told), latest, close; per room or pattern]:[ROOM=]POLICY:(close skip latest)' \
		--max-connections='[refuse more (10000, or what the file limit allows)]:N: ' \
		--max-rooms='[of one connection (1024)]:N: ' \
		--max-patterns='[among them (32)]:N: ' \
		--publish-rate='[read a connection no faster, 100/s (any)]:RATE: ' \
		--address-connections='[of one peer address at a time; refuse more (any)]:N: ' \
		--address-request-rate='[of one peer address; refuse more, 20/s (any)]:RATE: ' \
		--address-publish-rate='[read the connections of an address no faster (any)]:RATE: ' \
		--max-message='[refuse larger messages (1m)]:SIZE: ' \
		--ping='[ping WebSockets that often (30s)]:TIME: ' \
		--pong='[cut those that do not answer within (10s)]:TIME: ' \
		--heartbeat='[of SSE and streams (15s)]:TIME: ' \
		--idle='[keep HTTP connections without a request (75s)]:TIME: ' \
		'*'--origin='[let pages of that origin in besides the own host; * for all]:ORIGIN: ' \
		--presence='[where presence lives (mem:)]:URL: ' \
		--presence-ttl='[a member without a heartbeat is gone after (30s)]:TIME: ' \
		--presence-grace='[a user may come back within before user_left (2s)]:TIME: ' \
		--dedup='[deduplication ids are known for (2m)]:TIME: ' \
		--dedup-max='[and so many of them (100000)]:N: ' \
		--backfills='[reads of the bus'\''s history at a time (64)]:N: ' \
		--config='[long options, one a line; the command line wins]:FILE:_files' \
		--check'[print the settings as they would be, and exit]' \
		--log='[how stderr looks]:log:(text json)' \
		'(-q --quiet)'{-q,--quiet}'[errors only]' \
		'*'{-v,--verbose}'[more on stderr; twice for debugging]' \
		'(-h --help)'{-h,--help}'[this text]' \
		'(-V --version)'{-V,--version}'[version and what is built in]' \
		--completion=':SHELL:(bash zsh fish)' \
		--dump-options''
}

# Found in fpath it runs at once; sourced it registers itself.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
	_rt_serve "$@"
else
	compdef _rt_serve rt-serve
fi
