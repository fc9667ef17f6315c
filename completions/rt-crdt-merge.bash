# bash completion of rt-crdt-merge, generated from its option table

_rt_add_rooms()
{
	local room rest
	while read -r room rest; do
		[[ $room == "$cur"* ]] && COMPREPLY+=("$(printf %q "$room")")
	done < <(rt-sub -L -f "{room}" -w 1s 2>/dev/null)
}

_rt_add_files()
{
	local file
	compopt -o filenames
	while read -r file; do COMPREPLY+=("$file"); done < <(compgen "$1" -- "$cur")
}

_rt_add_words()
{
	local word
	for word in $1; do
		[[ $word == "$cur"* ]] && COMPREPLY+=("$word")
	done
}

_rt_crdt_merge()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} glued=
	COMPREPLY=()
	# "--name=val" arrives as three words
	if [[ $cur == = ]]; then
		cur= glued=1
	elif [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]} glued=1
	fi
	case $prev in
	-t|--type) return ;;
	--at) return ;;
	--shape) _rt_add_words 'keep v1 plain'; return ;;
	-o|--output) _rt_add_files -f; return ;;
	-f|--format) _rt_add_words 'text json'; return ;;
	--files0-from) _rt_add_files -f; return ;;
	--max-drift) return ;;
	--on-drift) _rt_add_words 'reject warn quarantine'; return ;;
	--on-bad) _rt_add_words 'stop skip quarantine'; return ;;
	--quarantine) _rt_add_files -f; return ;;
	--now) return ;;
	--emit) _rt_add_words 'state delta value'; return ;;
	--snapshot) _rt_add_files -f; return ;;
	--replica) return ;;
	--every) return ;;
	--since) _rt_add_files -f; return ;;
	--node) return ;;
	--id) return ;;
	--witness) _rt_add_files -f; return ;;
	--state) _rt_add_files -f; return ;;
	--max-depth) return ;;
	--max-line) return ;;
	--color) _rt_add_words 'auto always never'; return ;;
	--completion) _rt_add_words 'bash zsh fish'; return ;;
	esac
	[[ $glued ]] && return
	if [[ $cur == -* ]]; then
		_rt_add_words '-t --type --at --shape --value -o --output --pretty -f --format --strict --files0-from --max-drift --on-drift --on-bad --quarantine --now --follow --emit --snapshot --replica --every --since --int64 --node --id --witness --state --global --max-depth --max-line --stats --allow-negative-ts --node-id-any -q --quiet -v --verbose --color -h --help -V --version --completion --dump-options'
		return
	fi
	local i operands=0
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-t|--type|--at|--shape|-o|--output|-f|--format|--files0-from|--max-drift|--on-drift|--on-bad|--quarantine|--now|--emit|--snapshot|--replica|--every|--since|--node|--id|--witness|--state|--max-depth|--max-line|--color|--completion)
			[[ ${COMP_WORDS[i + 1]} == = ]] && ((i++))
			((i++)) ;;
		-*) ;;
		*) ((operands++)) ;;
		esac
	done
	((operands)) || _rt_add_words 'merge value check explain diff delta apply fmt laws hlc git-merge git-install'
	_rt_add_files -f
}

complete -F _rt_crdt_merge rt-crdt-merge
