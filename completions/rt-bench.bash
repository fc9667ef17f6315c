# bash completion of rt-bench, generated from its option table

_rt_add_rooms()
{
	local room rest
	while read -r room rest; do
		[[ $room == "$cur"* ]] && COMPREPLY+=("$(printf %q "$room")")
	done < <(rt-sub -L -f "{room}" -w 1s 2>/dev/null)
}

_rt_bench()
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
	-c|--subscribers) return ;;
	-r|--rate) return ;;
	--stages) return ;;
	--size) return ;;
	--room) _rt_add_rooms; return ;;
	--transport) mapfile -t COMPREPLY < <(compgen -W 'ws sse stream poll' -- "$cur"); return ;;
	--ramp) return ;;
	--pid) return ;;
	--max) return ;;
	--min) return ;;
	-o|--output) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--html) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--tolerance) return ;;
	-w|--timeout) return ;;
	-d|--for) return ;;
	--profile) return ;;
	-u|--url) return ;;
	--retry) return ;;
	--token-file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	esac
	[[ $glued ]] && return
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-c --subscribers -r --rate --stages --size --room --transport --ramp --pid --max --min -o --output --html --tolerance -w --timeout -d --for --profile -u --url --retry --token-file -q --quiet -v --verbose -h --help' -- "$cur")
		return
	fi
}

complete -F _rt_bench rt-bench
