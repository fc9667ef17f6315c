# fish completion of rt-bench, generated from its option table

complete -c rt-bench -f
complete -c rt-bench -s c -l subscribers -r -f -d 'or connections; in all rooms together'
complete -c rt-bench -s p -l publishers -r -f
complete -c rt-bench -s r -l rate -r -f -d 'messages a second, of all publishers'
complete -c rt-bench -l stages -r -f -d 'rates, one after the other'
complete -c rt-bench -l window -r -f -d 'instead: so many unanswered at each publisher'
complete -c rt-bench -l size -r -f -d 'bytes of a message (128)'
complete -c rt-bench -s n -l count -r -f
complete -c rt-bench -l rooms -r -f
complete -c rt-bench -l room -r -f -a '(rt-sub -L -f "{room}" -w 1s 2>/dev/null | string match -r "^\S+")' -d 'its name, instead of a new one'
complete -c rt-bench -l transport -r -f -a 'ws sse stream poll' -d 'of subscribers'
complete -c rt-bench -l ramp -r -f -d 'spreads connecting over that time'
complete -c rt-bench -l connect-rate -r -f
complete -c rt-bench -l sources -r -f
complete -c rt-bench -l storm -d 'connect: then all drop and come back'
complete -c rt-bench -l reconnect -r -f -a 'spread now'
complete -c rt-bench -l from -r -f
complete -c rt-bench -l expect -r -f
complete -c rt-bench -l strict
complete -c rt-bench -l pid -r -f -d 'samples the server\'s CPU, memory, files'
complete -c rt-bench -l max -r -f -d 'exit 1 when over'
complete -c rt-bench -l min -r -f -d 'exit 1 when under'
complete -c rt-bench -s f -l format -r -f -a 'table json'
complete -c rt-bench -s o -l output -r -F -d 'the report, instead of stdout'
complete -c rt-bench -l html -r -F -d 'a page with curves as well'
complete -c rt-bench -l tolerance -r -f -d 'of compare'
complete -c rt-bench -s w -l timeout -r -f -d 'for all to connect (30s)'
complete -c rt-bench -s d -l for -r -f -d 'how long (10s)'
complete -c rt-bench -l profile -r -f -d 'whose protocol (rt)'
complete -c rt-bench -s u -l url -r -f -d 'server, or @NAME of a profile (default $RT_URL)'
complete -c rt-bench -l retry -r -f -a 'forever' -d 'how long one outage may last, or forever'
complete -c rt-bench -l token-file -r -F -d 'holds the token (else $RT_TOKEN)'
complete -c rt-bench -s H -l header -r -f
complete -c rt-bench -l ca -r -F
complete -c rt-bench -s k -l insecure
complete -c rt-bench -l cert -r -F
complete -c rt-bench -l key-file -r -F
complete -c rt-bench -s q -l quiet -d 'errors only'
complete -c rt-bench -s v -l verbose -d 'say more, on stderr'
complete -c rt-bench -l color -r -f -a 'auto always never'
complete -c rt-bench -s h -l help -d 'this'
complete -c rt-bench -s V -l version
complete -c rt-bench -l completion -r -f -a 'bash zsh fish'
complete -c rt-bench -l dump-options
