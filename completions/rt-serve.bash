# bash completion of rt-serve, generated from its option table

_rt_add_rooms()
{
	local room rest
	while read -r room rest; do
		[[ $room == "$cur"* ]] && COMPREPLY+=("$(printf %q "$room")")
	done < <(rt-sub -L -f "{room}" -w 1s 2>/dev/null)
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
	--slow) return ;;
	--max-connections) return ;;
	--max-rooms) return ;;
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
	--config) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
	--log) mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$cur"); return ;;
	esac
	[[ $glued ]] && return
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W '-l --listen -b --bus --history --history-bytes --history-age --memory --slow --max-connections --max-rooms --publish-rate --address-connections --address-request-rate --address-publish-rate --max-message --ping --pong --heartbeat --idle --origin --presence --presence-ttl --presence-grace --dedup --dedup-max --backfills --config --check --log -q --quiet -v --verbose -h --help -V --version' -- "$cur")
		return
	fi
}

complete -F _rt_serve rt-serve
