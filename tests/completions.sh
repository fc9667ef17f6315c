#!/bin/bash
# completions.sh - the completion files are what the option tables say, and the shells make of them what is meant. Speaks TAP.
set -u
cd "$(dirname "$0")/.." || exit 1
n=0 failed=0
for p in "$RT_BIN"/rt-*; do
	name=$(basename "$p")
	[ -x "$p" ] && [ -f "cmd/$name.c" ] || continue
	for shell in bash zsh fish; do
		n=$((n + 1))
		if "$p" --completion $shell | cmp -s - "completions/$name.$shell"; then
			echo "ok $n - completions/$name.$shell"
		else
			echo "not ok $n - completions/$name.$shell differs from the option table (make completions)"
			failed=1
		fi
	done
done

# offers WHAT PROGRAM WORDS...: at the last of the words (maybe empty) the shell offers exactly WHAT.
offers() {
	local want=$1 shell=$2 got
	shift 2
	got=$("offers_$shell" "$@")
	n=$((n + 1))
	if [ "$(tr ' ' '\n' <<<"$want" | sort)" = "$(tr ' ' '\n' <<<"$got" | sort)" ]; then
		echo "ok $n - $shell: $* -> $want"
	else
		echo "not ok $n - $shell: $* -> '$got', not '$want'"
		failed=1
	fi
}

offers_bash() {
	(
		compopt() { :; }
		rt-sub() { printf '%s\n' lobby chat.eu; }
		. "completions/$1.bash"
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		"_${1//-/_}"
		echo "${COMPREPLY[*]}"
	)
}

# As it is typed, so that a word may be "--color=a".
offers_fish() {
	fish --no-config -c "
		function rt-sub; printf '%s\n' lobby chat.eu; end
		source $OLDPWD/completions/$1.fish; complete -C '$*'" | cut -f 1 | sed 's/^--[a-z]*=//; s/\/$//' | paste -sd ' '
}

cd "$(mktemp -d)" || exit 1
touch a.json b.json
mkdir dir completions
cp "$OLDPWD"/completions/* completions
verbs="merge value check explain diff delta apply fmt laws hlc git-merge git-install"
for shell in bash fish; do
	if ! command -v $shell >/dev/null; then
		n=$((n + 1))
		echo "ok $n - $shell completes # SKIP $shell is not installed"
		continue
	fi
	offers "auto always never" $shell rt-sub --color ""
	offers "lobby chat.eu" $shell rt-sub ""
	offers "lobby" $shell rt-sub -m lo
	offers "lobby chat.eu" $shell rt-sub --dead-letter ""
	offers "json table" $shell rt-sub -f ""
	offers "earliest" $shell rt-sub -s e
	offers "join leave typing" $shell rt-sub --events ""
	offers "" $shell rt-sub -n ""
	offers "a.json b.json completions dir" $shell rt-sub -o ""
	offers "a.json" $shell rt-pub --ca a
	offers "block drop" $shell rt-pub --full ""
	offers "json" $shell rt-pub -f ""
	offers "forever" $shell rt-pub --retry ""
	offers "close skip latest" $shell rt-serve --slow ""
	offers "text json" $shell rt-serve --log ""
	offers "$verbs a.json b.json completions dir" $shell rt-crdt-merge ""
	offers "a.json" $shell rt-crdt-merge value a
	offers "value" $shell rt-crdt-merge va
	offers "" $shell rt-crdt-merge check va
	offers "text json" $shell rt-crdt-merge -f ""
done
offers "never" bash rt-sub --color = n
offers "value" bash rt-crdt-merge --shape v1 va
offers "value" bash rt-crdt-merge --shape = v1 va
offers "never" fish rt-sub --color=n
rm -r "$PWD"
for shell in bash zsh fish; do
	for file in "$OLDPWD"/completions/*.$shell; do
		n=$((n + 1))
		if ! command -v $shell >/dev/null; then
			echo "ok $n - $(basename "$file") can be read # SKIP $shell is not installed"
		elif said=$($shell -n "$file" 2>&1); then
			echo "ok $n - $(basename "$file") can be read"
		else
			echo "not ok $n - $(basename "$file"): $said"
			failed=1
		fi
	done
done
echo "1..$n"
exit $failed
