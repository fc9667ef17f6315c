# bash completion of rt-pub, generated from its option table

_rt_add_rooms()
{
	local room rest
	while read -r room rest; do
		[[ $room == "$cur"* ]] && COMPREPLY+=("$(printf %q "$room")")
	done < <(rt-sub -L -f "{room}" -w 1s 2>/dev/null)
}

_rt_pub()
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
	--type) return ;;
	--user) return ;;
	--key) return ;;
	--id) return ;;
	--prefix) return ;;
	-r|--rate) return ;;
	--pace) return ;;
	-n|--count) return ;;
	--window) return ;;
	--full) mapfile -t COMPREPLY < <(compgen -W 'block drop' -- "$cur"); return ;;
	--cursor-file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--max-message) return ;;
	-w|--timeout) return ;;
	-d|--for) return ;;
	--profile) mapfile -t COMPREPLY < <(compgen -W 'rt raw' -- "$cur"); return ;;
	-u|--url) return ;;
	--retry) return ;;
	--token-file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	esac
	[[ $glued ]] && return
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-T --text -1 --one --raw --wrap --type --user --key --id --fresh --prefix -r --rate --pace -n --count --window --full --acks --cursor-file --number --strict --max-message -w --timeout -d --for --profile -u --url --retry --token-file -q --quiet -v --verbose -h --help' -- "$cur")
		return
	fi
	_rt_add_rooms
}

complete -F _rt_pub rt-pub
