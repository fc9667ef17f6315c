# bash completion of rt-sub, generated from its option table

_rt_add_rooms()
{
	local room rest
	while read -r room rest; do
		[[ $room == "$cur"* ]] && COMPREPLY+=("$(printf %q "$room")")
	done < <(rt-sub -L -f "{room}" -w 1s 2>/dev/null)
}

_rt_sub()
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
	-s|--since) return ;;
	-n|--count) return ;;
	-f|--format) return ;;
	-o|--output) return ;;
	--events) return ;;
	--cursor-file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	-x|--exec) return ;;
	-j|--jobs) return ;;
	--publish) _rt_add_rooms; return ;;
	--max-deliver) return ;;
	--dead-letter) _rt_add_rooms; return ;;
	--exec-timeout) return ;;
	-w|--timeout) return ;;
	-d|--for) return ;;
	--profile) mapfile -t COMPREPLY < <(compgen -W 'rt raw' -- "$cur"); return ;;
	-u|--url) return ;;
	--retry) return ;;
	--token-file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	esac
	[[ $glued ]] && return
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-s --since -n --count -e --until-end -m --meta -f --format -o --output --raw -0 --null --events -L --rooms --cursor-file --no-gap -x --exec -j --jobs --unordered --publish --max-deliver --dead-letter --exec-timeout -w --timeout -d --for --profile -u --url --retry --token-file -q --quiet -v --verbose -h --help' -- "$cur")
		return
	fi
	_rt_add_rooms
}

complete -F _rt_sub rt-sub
