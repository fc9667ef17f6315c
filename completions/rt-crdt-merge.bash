# bash completion of rt-crdt-merge, generated from its option table

_rt_add_rooms()
{
	local room rest
	while read -r room rest; do
		[[ $room == "$cur"* ]] && COMPREPLY+=("$(printf %q "$room")")
	done < <(rt-sub -L -f "{room}" -w 1s 2>/dev/null)
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
	--shape) mapfile -t COMPREPLY < <(compgen -W 'keep v1 plain' -- "$cur"); return ;;
	-o|--output) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	-f|--format) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$cur"); return ;;
	--files0-from) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--max-drift) return ;;
	--on-bad) mapfile -t COMPREPLY < <(compgen -W 'stop skip quarantine' -- "$cur"); return ;;
	--now) return ;;
	--emit) mapfile -t COMPREPLY < <(compgen -W 'state delta value' -- "$cur"); return ;;
	--snapshot) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--every) return ;;
	--since) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--node) return ;;
	--id) return ;;
	--witness) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--state) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	esac
	[[ $glued ]] && return
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-t --type --at --shape --value -o --output --pretty -f --format --strict --files0-from --max-drift --on-bad --now --follow --emit --snapshot --every --since --node --id --witness --state --global -q --quiet -v --verbose -h --help' -- "$cur")
		return
	fi
	compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")
}

complete -F _rt_crdt_merge rt-crdt-merge
