# fish completion of rt-pub, generated from its option table

complete -c rt-pub -f -a '(rt-sub -L -f "{room}" -w 1s 2>/dev/null | string match -r "^\S+")'
complete -c rt-pub -s T -l text -d 'plain lines: {"type":"message","text":LINE}'
complete -c rt-pub -s 1 -l one -d 'all of stdin is one message'
complete -c rt-pub -l raw -d 'any bytes (with -1: a whole file)'
complete -c rt-pub -l wrap -d 'any JSON, not objects only'
complete -c rt-pub -l type -r -f -d 'type of messages that have none'
complete -c rt-pub -l user -r -f -d 'publish as that user'
complete -c rt-pub -l key -r -f -d 'the newest message of a key replaces older ones'
complete -c rt-pub -l id -r -f -d 'deduplication id out of the message'
complete -c rt-pub -l fresh -d 'lines with _id are new messages'
complete -c rt-pub -l prefix -r -f -d 'in front of each line\'s _room'
complete -c rt-pub -s r -l rate -r -f -d 'at most so many messages'
complete -c rt-pub -l pace -r -f -d 'replay at the speed of _ts, or 10x'
complete -c rt-pub -s n -l count -r -f -d 'stop after N messages'
complete -c rt-pub -l window -r -f -d 'messages on their way at most (1024)'
complete -c rt-pub -l full -r -f -a 'block drop' -d 'when that window is full'
complete -c rt-pub -l acks -d 'acknowledgements on stdout'
complete -c rt-pub -l cursor-file -r -F -d 'where the last acknowledged _id goes'
complete -c rt-pub -l number -d 'add p and n, for rt-bench verify'
complete -c rt-pub -l strict -d 'stop at the first bad line'
complete -c rt-pub -l max-message -r -f -d 'longest message (1m)'
complete -c rt-pub -s f -l format -r -f -a 'json'
complete -c rt-pub -s w -l timeout -r -f -d 'deadline'
complete -c rt-pub -s d -l for -r -f -d 'stop after that time'
complete -c rt-pub -l profile -r -f -a 'rt raw' -d 'raw: any WebSocket or SSE server'
complete -c rt-pub -s u -l url -r -f -d 'server, or @NAME of a profile (default $RT_URL)'
complete -c rt-pub -l retry -r -f -a 'forever' -d 'how long one outage may last, or forever'
complete -c rt-pub -l token-file -r -F -d 'holds the token (else $RT_TOKEN)'
complete -c rt-pub -s H -l header -r -f
complete -c rt-pub -l ca -r -F
complete -c rt-pub -s k -l insecure
complete -c rt-pub -l cert -r -F
complete -c rt-pub -l key-file -r -F
complete -c rt-pub -s q -l quiet -d 'errors only'
complete -c rt-pub -s v -l verbose -d 'say more, on stderr'
complete -c rt-pub -l color -r -f -a 'auto always never'
complete -c rt-pub -s h -l help -d 'this'
complete -c rt-pub -s V -l version
complete -c rt-pub -l completion -r -f -a 'bash zsh fish'
complete -c rt-pub -l dump-options
