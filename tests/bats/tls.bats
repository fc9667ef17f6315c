# TLS on the client's side: through a proxy that ends it, and what is said when it is not agreed on

load lib

setup() { rt_setup; }
teardown() { rt_teardown; }

# certificate NAME SUBJECT-ALT-NAMES [DAYS]: NAME.pem and NAME.key, signed by itself
certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.pem" \
		-days "${3:-2}" -subj "/CN=$1" -addext "subjectAltName=$2" 2>openssl.err || { cat openssl.err; return 1; }
}

# proxy NAME [CA]: ends TLS with that certificate in front of `server`; its address goes to $tls.
proxy() {
	rm -f "$1.out"
	background "$1" python3 "$BATS_TEST_DIRNAME/../tools/tls.py" "$1.pem" "$1.key" "${server_address##*:}" ${2:+"$2"}
	wait_for has_line "$1.out" .
	tls=127.0.0.1:$(cat "$1.out")
}

# says STATUS TEXT COMMAND...: it ends with that status and one line that has TEXT in it; -v shows more.
says() {
	local want=$1 text=$2
	shift 2
	run --separate-stderr timeout -k 5 30 "$@"
	echo "$*: $status $output $stderr"
	[ "$status" -eq "$want" ]
	[ -z "$output" ]
	[[ ${stderr_lines[0]} == *"$text"* ]]
	[[ $stderr != *OpenSSL* && $stderr != *"SSL routines"* ]]
}

@test "publish and subscribe over wss and https" {
	start_server server
	certificate good IP:127.0.0.1,DNS:localhost
	proxy good
	numbers 900 >x
	local pub sub host
	for pub in wss https; do
		rt-pub --ca good.pem -u "$pub://$tls" "r-$pub" <x
		for sub in wss https sse+https poll+https; do
			rt-sub --ca good.pem -u "$sub://$tls" -e "r-$pub" >y
			cmp x y
		done
	done
	for host in "$tls" "localhost:${tls#*:}"; do
		rt-sub --ca good.pem -u "wss://$host" -e -s last:1 r-wss
		rt-sub --ca good.pem -L -u "https://$host" -f '{room}' | grep -qx r-https
	done
	[ "$(rt-sub -k -u "wss://$tls" -e -s last:1 r-wss)" = "$(tail -n 1 x)" ]
	[ "$(rt-sub -k -u "https://$tls" -e -s last:1 r-wss)" = "$(tail -n 1 x)" ]
}

@test "live messages and a message of a megabyte come through TLS" {
	start_server server
	certificate good IP:127.0.0.1
	proxy good
	{ printf '{"big":"'; head -c 1000000 /dev/zero | tr '\0' x; printf '"}\n'; } >big
	local s
	for s in wss https sse+https poll+https; do
		background "sub_${s/+/_}" rt-sub --ca good.pem -u "$s://$tls" -n 2 "live-${s/+/-}"
		subscribed "live-${s/+/-}"
		rt-pub --ca good.pem -u "wss://$tls" "live-${s/+/-}" <big
		rt-pub --ca good.pem -u "https://$tls" "live-${s/+/-}" '{"n":1}'
	done
	for s in wss https sse+https poll+https; do
		wait_for has_line "sub_${s/+/_}.out" '"n":1'
		{ cat big; echo '{"n":1}'; } | cmp - "sub_${s/+/_}.out"
	done
}

@test "TLS to a server without: what to do, at once, status 3" {
	start_server server
	local s
	for s in ws http sse+http poll+http; do
		says 3 "cannot connect to '${s}s://$server_address': the server does not speak TLS (try $s://$server_address)" \
			rt-sub -u "${s}s://$server_address" a
	done
	says 3 "the server does not speak TLS (try http://$server_address)" rt-pub -u "https://$server_address" a '{}'
	says 3 "the server does not speak TLS (try ws://$server_address)" rt-sub -L -u "wss://$server_address"
	run timeout 30 rt-sub -v -u "wss://$server_address" a
	[[ $output == *"wrong version number"* ]]
}

@test "a server with TLS and a client without: what to do" {
	start_server server
	certificate good IP:127.0.0.1
	proxy good
	local s
	for s in ws http sse+http poll+http; do
		says 5 "(if it speaks TLS: ${s}s://$tls)" rt-sub --retry 100ms -u "$s://$tls" a
	done
	says 5 "(if it speaks TLS: https://$tls)" rt-pub -q --retry 100ms -u "http://$tls" a '{}'
	says 5 "(if it speaks TLS: wss://$tls)" rt-pub -q --retry 100ms -u "ws://$tls" a '{}'
}

@test "certificates that are not trusted, of another host, and none at all" {
	start_server server
	certificate good IP:127.0.0.1
	certificate other DNS:other.example
	proxy good
	local s good=$tls
	proxy other
	for s in wss https; do
		says 4 "the server's certificate is not trusted: self-signed certificate (--ca FILE to trust it, -k to check nothing)" \
			rt-sub -u "$s://$good" a
		says 4 "not trusted: self-signed certificate" rt-sub --ca other.pem -u "$s://$good" a
		says 4 "the server's certificate is not for '127.0.0.1' (-k to check nothing)" \
			rt-sub --ca other.pem -u "$s://$tls" a
		says 2 "there are no certificates in 'good.key' (--ca)" rt-sub --ca good.key -u "$s://$good" a
		says 2 "cannot read 'nosuch'" rt-sub --ca nosuch -u "$s://$good" a
		says 0 "" rt-sub -k -e -u "$s://$tls" a
	done
}

@test "a server that wants a certificate of the client" {
	start_server server
	certificate good IP:127.0.0.1
	certificate client DNS:client
	proxy good client.pem
	rt-pub --ca good.pem --cert client.pem --key-file client.key -u "wss://$tls" a '{"n":1}'
	local s
	for s in wss https; do
		[ "$(rt-sub --ca good.pem --cert client.pem --key-file client.key -u "$s://$tls" -e a)" = '{"n":1}' ]
	done
	says 4 "the server wants a certificate of the client (--cert, --key-file)" rt-sub --ca good.pem -u "https://$tls" a
	says 2 "--cert and --key-file" rt-sub --ca good.pem --cert good.key --key-file good.pem -u "https://$tls" a
}
