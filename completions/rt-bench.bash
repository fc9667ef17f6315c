# bash completion of rt-bench, generated from its option table

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
	-p|--publishers) return ;;
	-r|--rate) return ;;
	--stages) return ;;
	--window) return ;;
	--size) return ;;
	-n|--count) return ;;
	--rooms) return ;;
	--room) _rt_add_rooms; return ;;
	--transport) _rt_add_words 'ws sse stream poll'; return ;;
	--ramp) return ;;
	--connect-rate) return ;;
	--sources) return ;;
	--reconnect) _rt_add_words 'spread now'; return ;;
	--from) return ;;
	--expect) return ;;
	--pid) return ;;
	--max) return ;;
	--min) return ;;
	-f|--format) _rt_add_words 'table json'; return ;;
	-o|--output) _rt_add_files -f; return ;;
	--html) _rt_add_files -f; return ;;
	--tolerance) return ;;
	-w|--timeout) return ;;
	-d|--for) return ;;
	--profile) return ;;
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
		_rt_add_words '-c --subscribers -p --publishers -r --rate --stages --window --size -n --count --rooms --room --transport --ramp --connect-rate --sources --storm --reconnect --from --expect --strict --pid --max --min -f --format -o --output --html --tolerance -w --timeout -d --for --profile -u --url --retry --token-file -H --header --ca -k --insecure --cert --key-file -q --quiet -v --verbose --color -h --help -V --version --completion --dump-options'
		return
	fi
}

complete -F _rt_bench rt-bench
