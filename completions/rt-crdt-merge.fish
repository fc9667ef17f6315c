# fish completion of rt-crdt-merge, generated from its option table

complete -c rt-crdt-merge -F
complete -c rt-crdt-merge -n __fish_use_subcommand -a 'merge value check explain diff delta apply fmt laws hlc git-merge git-install'
complete -c rt-crdt-merge -s t -l type -r -f -d 'of documents that do not say'
complete -c rt-crdt-merge -l at -r -f -d 'where a document holds the state'
complete -c rt-crdt-merge -l shape -r -f -a 'keep v1 plain' -d 'of the output'
complete -c rt-crdt-merge -l value -d 'print the value instead of the state'
complete -c rt-crdt-merge -s o -l output -r -F -d 'instead of stdout; may be an input'
complete -c rt-crdt-merge -l pretty -d 'a member a line'
complete -c rt-crdt-merge -s f -l format -r -f -a 'text json' -d 'of findings on stderr'
complete -c rt-crdt-merge -l strict -d 'warnings fail (1) and nothing is written'
complete -c rt-crdt-merge -l files0-from -r -F -d 'names of inputs, each ended by NUL'
complete -c rt-crdt-merge -l max-drift -r -f -d 'refuse timestamps further in the future'
complete -c rt-crdt-merge -l on-drift -r -f -a 'reject warn quarantine'
complete -c rt-crdt-merge -l on-bad -r -f -a 'stop skip quarantine' -d 'what cannot be used'
complete -c rt-crdt-merge -l quarantine -r -F
complete -c rt-crdt-merge -l now -r -f -d 'instead of the clock (RFC 3339)'
complete -c rt-crdt-merge -l follow -d 'join stdin for ever; a line for every change'
complete -c rt-crdt-merge -l emit -r -f -a 'state delta value' -d 'what --follow prints'
complete -c rt-crdt-merge -l snapshot -r -F -d '--follow: keep the state there'
complete -c rt-crdt-merge -l replica -r -f
complete -c rt-crdt-merge -l every -r -f -d 'how often (10s)'
complete -c rt-crdt-merge -l since -r -F -d 'delta: for who has seen that context'
complete -c rt-crdt-merge -l int64
complete -c rt-crdt-merge -l node -r -f -d 'apply: who writes'
complete -c rt-crdt-merge -l id -r -f -d 'apply: to which document'
complete -c rt-crdt-merge -l witness -r -F -d 'apply: a newer context to be held against'
complete -c rt-crdt-merge -l state -r -F -d 'hlc: where the clock is kept'
complete -c rt-crdt-merge -l global -d 'git-install: for all repositories'
complete -c rt-crdt-merge -l max-depth -r -f
complete -c rt-crdt-merge -l max-line -r -f
complete -c rt-crdt-merge -l stats
complete -c rt-crdt-merge -l allow-negative-ts
complete -c rt-crdt-merge -l node-id-any
complete -c rt-crdt-merge -s q -l quiet -d 'errors only'
complete -c rt-crdt-merge -s v -l verbose -d 'say more, on stderr'
complete -c rt-crdt-merge -l color -r -f -a 'auto always never'
complete -c rt-crdt-merge -s h -l help -d 'this'
complete -c rt-crdt-merge -s V -l version
complete -c rt-crdt-merge -l completion -r -f -a 'bash zsh fish'
complete -c rt-crdt-merge -l dump-options
