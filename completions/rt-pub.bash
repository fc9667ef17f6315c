# bash completion of rt-pub, generated from its option table

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
	--full) _rt_add_words 'block drop'; return ;;
	--cursor-file) _rt_add_files -f; return ;;
	--max-message) return ;;
	-f|--format) _rt_add_words 'json'; return ;;
	-w|--timeout) return ;;
	-d|--for) return ;;
	--profile) _rt_add_words 'rt raw'; return ;;
	-u|--url) return ;;
	--retry) _rt_add_words 'forever'; return ;;
	--token-file) _rt_add_files -f; return ;;
	-H|--header) return ;;
	--ca) _rt_add_files -f; return ;;
	--cert) _rt_add_files -f; return ;;
	--key-file) _rt_add_files -f; return ;;
	--color) _rt_add_words 'auto always never'; return ;;
	--completion) _rt_add_words 'bash zsh fish'; return ;;
	esac
	[[ $glued ]] && return
	if [[ $cur == -* ]]; then
		_rt_add_words '-T --text -1 --one --raw --wrap --type --user --key --id --fresh --prefix -r --rate --pace -n --count --window --full --acks --cursor-file --number --strict --max-message -f --format -w --timeout -d --for --profile -u --url --retry --token-file -H --header --ca -k --insecure --cert --key-file -q --quiet -v --verbose --color -h --help -V --version --completion --dump-options'
		return
	fi
	_rt_add_rooms
}

complete -F _rt_pub rt-pub
