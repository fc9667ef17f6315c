#compdef rt-crdt-merge
# zsh completion of rt-crdt-merge, generated from its option table

_rt_rooms() {
	local room rest
	local -a rooms
	while read -r room rest; do rooms+=("$room"); done < <(rt-sub -L -f "{room}" -w 1s 2>/dev/null)
	compadd -a rooms
}

_rt_crdt_merge() {
	_arguments -s -S \
		'(-t --type)'{-t+,--type=}'[of documents that do not say]:TYPE: ' \
		--at='[where a document holds the state]:.PATH: ' \
		--shape='[of the output]:shape:(keep v1 plain)' \
		--value'[print the value instead of the state]' \
		'(-o --output)'{-o+,--output=}'[instead of stdout; may be an input]:FILE:_files' \
		--pretty'[a member a line]' \
		'(-f --format)'{-f+,--format=}'[of findings on stderr]:format:(text json)' \
		--strict'[warnings fail (1) and nothing is written]' \
		--files0-from='[names of inputs, each ended by NUL]:FILE:_files' \
		--max-drift='[refuse timestamps further in the future]:DURATION: ' \
		--on-drift=':on-drift:(reject warn quarantine)' \
		--on-bad='[what cannot be used]:on-bad:(stop skip quarantine)' \
		--quarantine=':FILE:_files' \
		--now='[instead of the clock (RFC 3339)]:TIME: ' \
		--follow'[join stdin for ever; a line for every change]' \
		--emit='[what --follow prints]:emit:(state delta value)' \
		--snapshot='[--follow: keep the state there]:FILE:_files' \
		--replica=':.PATH: ' \
		--every='[how often (10s)]:DURATION: ' \
		--since='[delta: for who has seen that context]:FILE:_files' \
		--int64'' \
		--node='[apply: who writes]:NODE: ' \
		--id='[apply: to which document]:ID: ' \
		--witness='[apply: a newer context to be held against]:FILE:_files' \
		--state='[hlc: where the clock is kept]:FILE:_files' \
		--global'[git-install: for all repositories]' \
		--max-depth=':N: ' \
		--max-line=':SIZE: ' \
		--stats'' \
		--allow-negative-ts'' \
		--node-id-any'' \
		'(-q --quiet)'{-q,--quiet}'[errors only]' \
		'*'{-v,--verbose}'[say more, on stderr]' \
		--color=':color:(auto always never)' \
		'(-h --help)'{-h,--help}'[this]' \
		'(-V --version)'{-V,--version}'' \
		--completion=':SHELL:(bash zsh fish)' \
		--dump-options'' \
		'1:operand:{ _alternative "words:word:(merge value check explain diff delta apply fmt laws hlc git-merge git-install)" "files:file:_files" }' \
		'*:file:_files'
}

# Found in fpath it runs at once; sourced it registers itself.
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
	_rt_crdt_merge "$@"
else
	compdef _rt_crdt_merge rt-crdt-merge
fi
