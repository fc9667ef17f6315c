# fish completion of rt-sub, generated from its option table

complete -c rt-sub -f -a '(rt-sub -L -f "{room}" -w 1s 2>/dev/null | string match -r "^\S+")'
complete -c rt-sub -s s -l since -r -f -a 'earliest latest' -d 'ID, earliest, latest, last:N, 10m, a time, @FILE'
complete -c rt-sub -s n -l count -r -f -d 'stop after N messages'
complete -c rt-sub -s e -l until-end -d 'stop after what there is now'
complete -c rt-sub -s m -l meta -d 'with _id, _room, _ts, and control lines'
complete -c rt-sub -s f -l format -r -f -a 'json table' -d 'json, or a template: \'{user_id}: {text}\''
complete -c rt-sub -s o -l output -r -F -d 'instead of stdout; {room} in it: one each'
complete -c rt-sub -l raw -d 'payload bytes, nothing else'
complete -c rt-sub -s 0 -l null -d 'NUL instead of a line end'
complete -c rt-sub -l events -r -f -a 'join leave typing' -d 'also join,leave,typing'
complete -c rt-sub -s L -l rooms -d 'list rooms (of a pattern) instead'
complete -c rt-sub -l cursor-file -r -F -d 'go on where the last run ended'
complete -c rt-sub -l no-gap -d 'exit 7 when history is gone'
complete -c rt-sub -s x -l exec -r -f -d 'run CMD for each, the message on stdin'
complete -c rt-sub -s j -l jobs -r -f -d 'commands at a time; a room stays in order'
complete -c rt-sub -l unordered -d 'also within a room'
complete -c rt-sub -l publish -r -f -a '(rt-sub -L -f "{room}" -w 1s 2>/dev/null | string match -r "^\S+")' -d 'publish CMD\'s lines to ROOM'
complete -c rt-sub -l max-deliver -r -f -d 'tries of a message (3)'
complete -c rt-sub -l dead-letter -r -f -a '(rt-sub -L -f "{room}" -w 1s 2>/dev/null | string match -r "^\S+")' -d 'where messages go that were used up'
complete -c rt-sub -l nak-delay -r -f
complete -c rt-sub -l exec-timeout -r -f -d 'of one command (5m)'
complete -c rt-sub -l user -r -f
complete -c rt-sub -l buffer -r -f
complete -c rt-sub -l max-message -r -f
complete -c rt-sub -l durable -r -f
complete -c rt-sub -l ack-wait -r -f
complete -c rt-sub -l batch -r -f
complete -c rt-sub -s w -l timeout -r -f -d 'deadline'
complete -c rt-sub -s d -l for -r -f -d 'stop after that time'
complete -c rt-sub -l profile -r -f -a 'rt raw' -d 'raw: any WebSocket or SSE server'
complete -c rt-sub -s u -l url -r -f -d 'server, or @NAME of a profile (default $RT_URL)'
complete -c rt-sub -l retry -r -f -a 'forever' -d 'how long one outage may last, or forever'
complete -c rt-sub -l token-file -r -F -d 'holds the token (else $RT_TOKEN)'
complete -c rt-sub -s H -l header -r -f
complete -c rt-sub -l ca -r -F
complete -c rt-sub -s k -l insecure
complete -c rt-sub -l cert -r -F
complete -c rt-sub -l key-file -r -F
complete -c rt-sub -s q -l quiet -d 'errors only'
complete -c rt-sub -s v -l verbose -d 'say more, on stderr'
complete -c rt-sub -l color -r -f -a 'auto always never'
complete -c rt-sub -s h -l help -d 'this'
complete -c rt-sub -s V -l version
complete -c rt-sub -l completion -r -f -a 'bash zsh fish'
complete -c rt-sub -l dump-options
