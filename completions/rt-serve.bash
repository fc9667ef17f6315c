# bash completion of rt-serve, generated from its option table

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

_rt_serve()
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
	-l|--listen) return ;;
	-b|--bus) return ;;
	--history) return ;;
	--history-bytes) return ;;
	--history-age) return ;;
	--memory) return ;;
	--slow) _rt_add_words 'close skip latest'; return ;;
	--max-connections) return ;;
	--max-rooms) return ;;
	--max-patterns) return ;;
	--publish-rate) return ;;
	--address-connections) return ;;
	--address-request-rate) return ;;
	--address-publish-rate) return ;;
	--max-message) return ;;
	--ping) return ;;
	--pong) return ;;
	--heartbeat) return ;;
	--idle) return ;;
	--origin) return ;;
	--presence) return ;;
	--presence-ttl) return ;;
	--presence-grace) return ;;
	--dedup) return ;;
	--dedup-max) return ;;
	--backfills) return ;;
	--config) _rt_add_files -f; return ;;
	--log) _rt_add_words 'text json'; return ;;
	--completion) _rt_add_words 'bash zsh fish'; return ;;
	esac
	[[ $glued ]] && return
	if [[ $cur == -* ]]; then
		_rt_add_words '-l --listen -b --bus --history --history-bytes --history-age --memory --slow --max-connections --max-rooms --max-patterns --publish-rate --address-connections --address-request-rate --address-publish-rate --max-message --ping --pong --heartbeat --idle --origin --presence --presence-ttl --presence-grace --dedup --dedup-max --backfills --config --check --log -q --quiet -v --verbose -h --help -V --version --completion --dump-options'
		return
	fi
}

complete -F _rt_serve rt-serve
