#!/usr/bin/env python3
"""hostile.py SECTION - requests that a careful server refuses, and those that it must take, against a running rt-serve"""
import signal, sys, threading
from rtclient import *

H = b"Host: localhost\r\n"


def check(what, got, want):
    if got != want:
        raise Bad("%s\n      got  %r\n      want %r" % (what, got, want))


def refused(addr, raw, status, what=None):
    """that status, a problem document, and the end of the connection"""
    what = what or repr(raw[:90])
    w = Wire(addr)
    w.send(raw)
    try:
        a = read_answer(w)
    except Closed as e:
        raise Bad("%s: no answer: %s" % (what, e))
    check(what, a.status, status)
    check(what + ": type", a.get("content-type"), "application/problem+json")
    check(what + ": Connection", a.get("connection"), "close, Upgrade" if a.status == 426 else "close")
    doc = a.json()
    check(what + ": status inside", doc["status"], status)
    if set(doc) - {"type", "title", "status", "detail"} or not {"type", "title"} <= set(doc):
        raise Bad("%s: not a problem document: %r" % (what, doc))
    check(what + ": the end", w.rest(), b"")
    w.close()
    return a


def head_lines(*lines, first=b"GET /healthz HTTP/1.1"):
    return b"\r\n".join((first,) + lines) + b"\r\n\r\n"


STRICT = [
    (b"GET /healthz HTTP/1.1\nHost: localhost\n\n", 400),
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\n\r\n", 400),
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: a\r b\r\n\r\n", 400),
    (head_lines(b"Host: localhost", b"X: a", b" b"), 400),
    (head_lines(b"Host: localhost", b"X: a", b"\tb"), 400),
    (head_lines(b" Host: localhost"), 400),
    (head_lines(), 400),
    (head_lines(b"Host: a", b"Host: a"), 400),
    (head_lines(b"Host: a", b"Host: b"), 400),
    (head_lines(b"Host: a b"), 400),
    (head_lines(b"Host: a/b"), 400),
    (head_lines(b"Host: a@b"), 400),
    (head_lines(b"Host: localhost", b"X : a"), 400),
    (head_lines(b"Host: localhost", b"X"), 400),
    (head_lines(b"Host: localhost", b": a"), 400),
    (head_lines(b"Host: localhost", b"X(: a"), 400),
    (head_lines(b"Host: localhost", b"X: a\0b"), 400),
    (head_lines(b"Host: localhost", b"X: a\x01b"), 400),
    (head_lines(b"Host: localhost", b"X: a\x7fb"), 400),
    (head_lines(b"Host: localhost", b"Content-Length: 1", b"Content-Length: 1", first=b"POST /pub/a HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", b"Content-Length: 1", b"Content-Length: 2", first=b"POST /pub/a HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", b"Content-Length: 1, 1", first=b"POST /pub/a HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", b"Content-Length: +1", first=b"POST /pub/a HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", b"Content-Length: -1", first=b"POST /pub/a HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", b"Content-Length: 0x1", first=b"POST /pub/a HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", b"Content-Length: 1 ", b"Content-Length:", first=b"POST /pub/a HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", b"Content-Length: 99999999999999999999999", first=b"POST /pub/a HTTP/1.1"), (400, 413)),
    (head_lines(b"Host: localhost", b"Content-Length: 1", b"Transfer-Encoding: chunked", first=b"POST /pub/a HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked", first=b"POST /pub/a HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", b"Transfer-Encoding: gzip", first=b"POST /pub/a HTTP/1.1"), (400, 501)),
    (head_lines(b"Host: localhost", b"Transfer-Encoding: gzip, chunked", first=b"POST /pub/a HTTP/1.1"), 501),
    (head_lines(b"Host: localhost", b"Transfer-Encoding: chunked, gzip", first=b"POST /pub/a HTTP/1.1"), (400, 501)),
    (head_lines(b"Host: localhost", b"Transfer-Encoding: xchunked", first=b"POST /pub/a HTTP/1.1"), (400, 501)),
    (head_lines(b"Host: localhost", first=b"POST /pub/a HTTP/1.1"), 411),
    (head_lines(b"Host: localhost", b"Content-Length: 5") + b"hello", 400),
    (head_lines(b"Host: localhost", b"Expect: something", b"Content-Length: 2", first=b"POST /pub/a HTTP/1.1"), 417),
    (head_lines(b"Host: localhost", first=b"GET  /healthz HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /healthz  HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b" GET /healthz HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /healthz HTTP/1.1 "), 400),
    (head_lines(b"Host: localhost", first=b"GET\t/healthz HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /healthz"), (400, 505)),
    (head_lines(b"Host: localhost", first=b"GET /healthz HTTP/1.0"), 505),
    (head_lines(b"Host: localhost", first=b"GET /healthz HTTP/2.0"), 505),
    (head_lines(b"Host: localhost", first=b"GET /healthz http/1.1"), (400, 505)),
    (head_lines(b"Host: localhost", first=b"GET /healthz HTTP/1.10"), (400, 505)),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 30 + b"\r\n\r\n", 400),
    (head_lines(b"Host: localhost", first=b"G@T /healthz HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"BREW /healthz HTTP/1.1"), (405, 501)),
    (head_lines(b"Host: localhost", first=b"get /healthz HTTP/1.1"), (400, 405, 501)),
    (head_lines(b"Host: localhost", first=b"CONNECT a:80 HTTP/1.1"), (400, 405, 501)),
    (head_lines(b"Host: localhost", first=b"TRACE /healthz HTTP/1.1"), (405, 501)),
    (head_lines(b"Host: localhost", first=b"DELETE /pub/a HTTP/1.1"), (405, 501)),
    (head_lines(b"Host: localhost", first=b"GET /pub/a HTTP/1.1"), 405),
    (head_lines(b"Host: localhost", b"Content-Length: 2", first=b"POST /events/a HTTP/1.1") + b"{}", 405),
    (head_lines(b"Host: localhost", first=b"GET healthz HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /a/../healthz HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /./healthz HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET //healthz HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /events//a HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /%2e%2e/healthz HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /a/%2E/healthz HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /events/a%2fb HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /events/%zz HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /events/%4 HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /events/a%00 HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /events/a\0 HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /events/\xc3\xa9 HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /healthz#x HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /events/a?room=%00 HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /events/a?room=%g HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /" + b"a" * 20000 + b" HTTP/1.1"), 414),
    (head_lines(b"Host: localhost", *[b"X-%d: a" % i for i in range(500)]), 431),
    (head_lines(b"Host: localhost", b"X: " + b"a" * 70000), 431),
    (head_lines(b"Host: localhost", first=b"GET /ws/a HTTP/1.1"), 426),
    (head_lines(b"Host: localhost", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 8",
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", first=b"GET /ws/a HTTP/1.1"), 426),
    (head_lines(b"Host: localhost", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13",
                b"Sec-WebSocket-Key: AAAA", first=b"GET /ws/a HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", first=b"GET /ws/a HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13",
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", first=b"GET /ws/a HTTP/1.1"), 426),
    (head_lines(b"Host: localhost", first=b"GET /events/a?token=x HTTP/1.1"), 501),
    (head_lines(b"Host: localhost", b"Authorization: Bearer x", first=b"GET /events/a HTTP/1.1"), 501),
    (head_lines(b"Host: localhost", first=b"GET /events HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /poll/a?timeout=x HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /events/a?user_id= HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /events/a?user_id=%01 HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", first=b"GET /events/a?client=a%22b HTTP/1.1"), 400),
    (head_lines(b"Host: localhost", b"Content-Length: 2", first=b"POST /pub/a.%3E HTTP/1.1") + b"{}", 400),
    (head_lines(b"Host: localhost", b"Content-Length: 2", b"Idempotency-Key: a b", first=b"POST /pub/a HTTP/1.1") + b"{}", 400),
]

CHUNKS = [b"G\r\n", b"5\n", b"5\r\nhelloX", b"-1\r\n", b"0x5\r\n", b" 5\r\n", b"5 \r\nhello\r\n", b"FFFFFFFFFFFFFFFFF\r\n", b"5\r\nhello\n",
          b";x\r\n", b"5;\n", b"0\r\nX: a\n\r\n", b"0\r\n folded\r\n\r\n"]


def refuses(addr, raw, status):
    statuses = status if isinstance(status, tuple) else (status,)
    w = Wire(addr)
    w.send(raw)
    a = read_answer(w)
    w.close()
    if a.status not in statuses:
        raise Bad("%r: %d, not %s" % (raw[:90], a.status, status))
    return refused(addr, raw, a.status)


def strict():
    bad = []
    with Server("--max-message", "64k") as s:
        for raw, status in STRICT:
            try:
                refuses(s.addr, raw, status)
            except (Bad, Closed) as e:
                bad.append("%r: %s" % (raw[:100], e))
        for c in CHUNKS:
            raw = head_lines(b"Host: localhost", b"Transfer-Encoding: chunked", first=b"POST /pub/a HTTP/1.1") + c
            try:
                refused(s.addr, raw, 400, "chunk %r" % c)
            except (Bad, Closed) as e:
                bad.append("chunk %r: %s" % (c, e))
        # the same, a byte at a time
        for raw, status in STRICT[:40:3]:
            w = Wire(s.addr)
            w.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                for i in range(len(raw)):
                    w.send(raw[i:i + 1])
            except OSError:
                pass
            try:
                a = read_answer(w)
                if a.status not in (status if isinstance(status, tuple) else (status,)):
                    bad.append("split %r: %d" % (raw[:90], a.status))
            except (Bad, Closed) as e:
                bad.append("split %r: %s" % (raw[:90], e))
            w.close()
        check("healthy after it all", http(s.addr, "GET", "/healthz").json(), {"ok": True})
        if s.get("/connections"):
            bad.append("connections are left: %r" % s.get("/connections"))
    if bad:
        raise Bad("\n".join(bad))


def plain():
    """what is unusual and right"""
    with Server() as s:
        for raw in (head_lines(b"hOST:localhost"), head_lines(b"Host: \tlocalhost \t"), head_lines(b"Host: [::1]:80"),
                    head_lines(b"Host: localhost", b"X: \xe9"), head_lines(b"Host: localhost", b"X:"), b"\r\n" + head_lines(b"Host: a"),
                    head_lines(b"Host: localhost", first=b"GET /health%7A HTTP/1.1"), head_lines(b"Host: localhost", first=b"GET /healthz?x=%20 HTTP/1.1")):
            w = Wire(s.addr)
            w.send(raw)
            check(repr(raw), read_answer(w).status, 200)
            w.close()
        # keep-alive and pipelining: answers in order, on one connection, whatever the segments
        w = Wire(s.addr)
        one = request("POST", "/pub/a", body=b'{"n":1}')
        two = request("POST", "/pub/b", ["Transfer-Encoding: chunked"], b'3\r\n{"n\r\n4;x=y\r\n":2}\r\n0\r\nTrailer: x\r\n\r\n')
        three = request("GET", "/history/a")
        four = request("GET", "/nothing")
        w.send(one + two + three + four + one)
        got = [read_answer(w) for _ in range(5)]
        check("pipelined", [a.status for a in got], [200, 200, 200, 404, 200])
        check("in order", [l["n"] for l in got[2].lines()], [1])
        ids = [a.json()["_id"] for a in (got[0], got[1], got[4])]
        check("ids rise", sorted(ids, key=order), ids)
        w.close()
        # two POSTs in one segment, many times, split anywhere
        both = one + one
        for cut in range(1, len(both), 7):
            w = Wire(s.addr)
            w.send(both[:cut])
            w.send(both[cut:])
            check("cut at %d" % cut, [read_answer(w).status for _ in range(2)], [200, 200])
            w.close()
        # a poll that waits holds what was pipelined behind it, and does not lose it
        w = Wire(s.addr)
        now = http(s.addr, "GET", "/poll/p").get("rt-next")
        w.send(request("GET", "/poll/p?since=" + now) + one + request("GET", "/healthz"))
        while not any("p" in c["rooms"] for c in s.get("/connections")):
            pass
        s.publish("p", {"n": 1})
        check("behind a poll", [read_answer(w).status for _ in range(3)], [200, 200, 200])
        w.close()
        # Expect
        w = Wire(s.addr)
        w.send(request("POST", "/pub/a", ["Expect: 100-continue", "Content-Length: 7"]))
        check("100", read_head(w).status, 100)
        w.send(b'{"n":9}')
        check("after 100", read_answer(w).status, 200)
        w.send(request("GET", "/healthz", ["Connection: close"]))
        a = read_answer(w)
        check("close", (a.status, a.get("connection"), w.rest()), (200, "close", b""))
        w = Wire(s.addr)
        w.send(request("POST", "/pub/a:b", ["Expect: 100-continue", "Content-Length: 7"]))
        check("refused, not continued", read_answer(w).status, 400)
        w.close()
        # HEAD and OPTIONS
        for path in ("/healthz", "/readyz", "/rooms", "/metrics", "/", "/connections", "/events/a", "/history/a"):
            w = Wire(s.addr)
            w.send(request("HEAD", path) + request("GET", "/healthz"))
            check("HEAD " + path, read_answer(w, "HEAD").status, 200)
            check("after HEAD " + path, read_answer(w).json(), {"ok": True})
            w.close()
        a = http(s.addr, "OPTIONS", "/pub/a")
        check("OPTIONS", (a.status, sorted(x.strip() for x in a.get("allow").split(","))[0:1] != []), (204, True))
        check("HEAD of nothing", http(s.addr, "HEAD", "/nothing").status, 404)


def linger():
    """a refusal reaches who is still sending"""
    with Server("--max-message", "64k") as s:
        junk = b"x" * 400000
        for raw, status in ((request("POST", "/pub/a:b", ["Content-Length: 400000"]) + junk, 400),
                            (request("POST", "/pub/a", ["Content-Length: 400002"]) + b'{"a":"' + junk, 413),
                            (request("POST", "/pub/a", ["Content-Length: 400000"]) + junk, (400, 413)),
                            (request("POST", "/pub/a?token=1", ["Content-Length: 400000"]) + junk, 501),
                            (request("POST", "/nothing", ["Content-Length: 400000"]) + junk, 404),
                            (request("POST", "/presence/a", ["Content-Length: 400000"]) + junk, 413),
                            (b"GET / HTTP/9\r\n" + junk, (400, 431, 505))):
            for _ in range(5):
                w = Wire(s.addr)
                try:
                    w.send(raw)
                    w.s.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                a = read_answer(w)
                if a.status not in (status if isinstance(status, tuple) else (status,)):
                    raise Bad("%r: %d" % (raw[:80], a.status))
                check("the end", w.rest(), b"")
                w.close()
        # a body that nobody wants is not waited for: it may have no end
        for path, status in (("/nothing", 404), ("/base/pub", 404), ("/rooms", 405)):
            w = Wire(s.addr)
            w.send(request("POST", path, ["Transfer-Encoding: chunked"]) + b"3\r\nabc\r\n")
            check(path, read_answer(w).status, status)
            w.close()
        # a WebSocket that is closed for a message over the limit sees the close frame
        for _ in range(5):
            ws = Ws(s.addr, ["a"])
            try:
                ws.w.send(ws.frame(1, b'{"a":"' + junk + b'"}'))
            except OSError:
                pass
            try:
                while True:
                    ws.next()
            except Closed as e:
                check("too large", e.args[0], 1009)
            ws.close()


def slow():
    """heads and bodies that do not come"""
    with Server("--test-timeout", "300ms") as s:
        refused(s.addr, b"GET /healthz HT", 408)
        refused(s.addr, request("POST", "/pub/a", ["Content-Length: 10"]) + b'{"n"', 408)
        w = Wire(s.addr)          # nothing at all
        a = w.rest()
        if a and not a.startswith(b"HTTP/1.1 408"):
            raise Bad("a silent client is told %r" % a)
        w = Wire(s.addr)          # a head that drips
        try:
            for c in head_lines(b"Host: localhost", b"X: " + b"a" * 4000):
                w.send(bytes([c]))
                if w.fill(0.005):
                    break
            a = read_answer(w)
            check("dripping", a.status, 408)
        except OSError:
            raise Bad("reset in place of an answer")


def late():
    """what came in time counts, however late the server gets to it"""
    with Server("--test-timeout", "300ms") as s:
        waiting = [Wire(s.addr) for _ in range(3)]
        for w in waiting:
            w.send(b"GET /healthz HT")
        while b"\nrt_connections 4\n" not in http(s.addr, "GET", "/metrics").body:
            pass
        s.signal(signal.SIGSTOP)
        for w in waiting:
            w.send(b"TP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.6)           # the deadline passes
        s.signal(signal.SIGCONT)
        for w in waiting:
            check("in time", read_answer(w).status, 200)


def origins():
    rows = (  # Host, Origin, allowed by default, allowed with --origin https://app.example
        ("localhost:80", "http://localhost:80", True, True),
        ("a.example", "https://a.example", True, True),
        ("A.example", "https://a.EXAMPLE", True, True),
        ("a.example", "https://b.example", False, False),
        ("a.example", "https://a.example.evil", False, False),
        ("a.example", "https://app.example", False, True),
        ("a.example", "https://app.example.evil", False, False),
        ("a.example", "https://xapp.example", False, False),
        ("a.example", "http://app.example", False, False),
        ("a.example", "null", False, False),
        ("a.example", "", False, False),
        ("a.example", "https://a.example:81", False, False),
    )
    for n, args in ((2, ()), (3, ("--origin", "https://app.example"))):
        with Server(*args) as s:
            for row in rows:
                host, origin = row[:2]
                for method, path, extra, body in (("GET", "/healthz", [], None), ("POST", "/pub/a", [], b"{}"), ("OPTIONS", "/pub/a", [
                        "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: rt-client"], None), ("GET", "/ws/a", [
                        "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="], None)):
                    w = Wire(s.addr)
                    w.send(request(method, path, ["Origin: " + origin] + extra, body, host))
                    a = read_head(w)
                    w.close()
                    what = "%s %s host %s origin %r %r" % (method, path, host, origin, args)
                    if row[n]:
                        check(what, a.status, {"GET": 101 if path == "/ws/a" else 200, "POST": 200, "OPTIONS": 204}[method])
                        if a.status != 101:
                            check(what + " CORS", (a.get("access-control-allow-origin"), "origin" in (a.get("vary") or "").lower()), (origin, True))
                        if method == "OPTIONS":
                            check(what, ("POST" in a.get("access-control-allow-methods"), a.get("access-control-allow-headers")), (True, "rt-client"))
                    else:
                        check(what, (a.status, a.get("access-control-allow-origin")), (403, None))
            a = http(s.addr, "GET", "/healthz")
            check("without Origin", (a.status, a.get("access-control-allow-origin")), (200, None))
    with Server("--origin", "null", "--origin", "http://b.example:8000") as s:
        for origin, status in (("null", 200), ("http://b.example:8000", 200), ("http://B.example:8000", 200), ("http://b.example", 403)):
            check("allowed by name: " + origin, http(s.addr, "GET", "/healthz", ["Origin: " + origin]).status, status)
    with Server("--origin", "*") as s:
        check("any", http(s.addr, "GET", "/healthz", ["Origin: https://x.example"]).status, 200)


def publish():
    with Server("--max-message", "1k") as s:
        def post(body, headers=(), path="/pub/r", method="POST"):
            return http(s.addr, method, path, headers, body)
        nd = ["Content-Type: application/x-ndjson"]
        a = post(b'{"n":1}')
        check("one", (a.status, list(a.json())), (200, ["_id"]))
        check("PUT", post(b' \r\n{"n":2}\n\n', method="PUT").status, 200)
        check("_room", post(b'{"_room":"other","n":3}', path="/pub").status, 200)
        check("the server's own room", post(b"{}", path="/pub/_log").status, 403)
        check("no room", post(b'{"n":3}', path="/pub").status, 400)
        a = post(b'{"type":"typing","user_id":"ada"}')
        check("ephemeral", (a.status, a.json()), (200, {}))
        for body, status in ((b"", 400), (b"hello", 400), (b"[1]", 400), (b'"x"', 400), (b"{", 400), (b'{"a":1,"a":2}', 400), (b'{"a":\xff}', 400), (b'{"a":"\xc0\x80"}', 400),
                             (b'{"_x":1}', 400), (b'{"_op":"ping"}', 400), (b'{"_ts":"x"}', 400), (b"[" * 70 + b"]" * 70, 413), (b'{"a":' * 70 + b"1" + b"}" * 70, 413),
                             (b'{"a\\u0000":1}', 400), (b'{"a":"' + b"x" * 1100 + b'"}', 413), (b'{"_dedup":"a b"}', 400), (b'{"_key":""}', 400), (b'{"a":1}x', 200), (b"1 2", 400), (b'{"a":1,}{"n":1}', 400), (b'[]{"n":1}', 400)):
            a = post(body)
            check("body %r" % body[:40], a.status, status)
            if status != 200:
                check("body %r: problem" % body[:40], a.get("content-type"), "application/problem+json")
        a = post(b'{"n":4}{"n":5} {"n":6}\n{"n":7}')
        lines = a.lines()
        check("run together", (a.status, a.get("content-type"), [sorted(l) for l in lines]), (200, "application/x-ndjson", [["_id"]] * 4 + [["accepted", "refused"]]))
        check("the sum", lines[-1], {"accepted": 4, "refused": 0})
        a = post(b'{"n":8}\r\n\n{bad}\n{"n":9}\n[]\n{"_id":"x","n":10}\n{"big":"' + b"y" * 9000 + b'"}\n{"n":11}', nd)
        lines = a.lines()
        want = ["_id", "error", "_id", "error", "_id", "error", "_id"]
        check("bad lines", [list(l)[0] for l in lines[:-1]], want)
        check("the sum", lines[-1], {"accepted": 4, "refused": 3})
        check("their numbers", [l["line"] for l in lines if "error" in l], [2, 4, 6])
        check("nothing", post(b"", nd).lines(), [{"accepted": 0, "refused": 0}])
        key = ["Idempotency-Key: once"]
        first, again, more = post(b'{"n":12}', key).json(), post(b'{"n":12}', key).json(), post(b'{"n":12}', key, "/pub/else").json()
        check("once", (again, "dup" in first), ({"_id": first["_id"], "dup": True}, False))
        check("ids are of a room", "dup" in more, False)
        one, two = post(b'{"_dedup":"d1","n":13}').json(), post(b'{"_dedup":"d1","n":13}').json()
        check("_dedup", two, dict(one, dup=True))
        got = [l["n"] for l in http(s.addr, "GET", "/history/r").lines() if "n" in l]
        check("all of it, once, in order", got, [1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13])
        # a streamed body is answered while it is read
        w = Wire(s.addr)
        w.send(request("POST", "/pub/live", nd + ["Transfer-Encoding: chunked"]))
        check("streamed", read_head(w).status, 200)
        for n in range(3):
            w.send(b"8\r\n" + b'{"n":%d}\n' % n + b"\r\n")
            check("a line for each", list(parse_json(read_chunk(w))), ["_id"])
        w.send(b"0\r\n\r\n")
        check("the end", parse_json(read_chunk(w)), {"accepted": 3, "refused": 0})
        check("the last chunk", read_chunk(w), b"")
        w.send(request("GET", "/healthz"))
        check("kept alive", read_answer(w).status, 200)
        w.close()
        # bytes are the user's
        for raw in (b'{"a":1.0,"b":1e5,"c":12345678901234567890,"z":{"y":[1 , 2]},"\xc3\xa9":"\\u00e9\\/"}', b'{ "_PID":1, "__CURSOR":"x" }', b"{}", b"{ }", b'{"_data":[1,2]}',
                    b'{"_b64":"AAEC"}'):
            id = s.publish("bytes", raw=raw)
            line = http(s.addr, "GET", "/history/bytes?since=last:1").body
            inside = raw[1:-1].strip()
            if not line.rstrip(b"\n").rstrip(b"}").rstrip().endswith(inside.rstrip(b"}").rstrip()):
                raise Bad("%r became %r" % (raw, line))


def resources():
    with Server() as s:
        ids = [s.publish("a.b", {"n": n}) for n in range(3)] + [s.publish("c", {"n": 9})]
        sse = Sse(s.addr, ["a.b", "d"])
        sse.next()
        ws = Ws(s.addr, ["a.*"], query="user_id=ada&meta=1")
        ws.next()
        rooms = {r["room"]: r for r in s.get("/rooms")}
        check("rooms", sorted(rooms), ["a.b", "c", "d"])
        check("room", (rooms["a.b"]["subscribers"], rooms["a.b"]["kept"], rooms["a.b"]["published"]), (2, 3, 3))
        check("match", [r["room"] for r in s.get("/rooms?match=a.%3E")], ["a.b"])
        check("bad match", http(s.addr, "GET", "/rooms?match=a..b").status, 400)
        conns = s.get("/connections")
        check("connections", sorted((c["transport"], c["user_id"], tuple(c["rooms"])) for c in conns), [("sse", None, ("a.b", "d")), ("ws", "ada", ("a.*",))])
        check("of a user", [c["transport"] for c in s.get("/connections?user_id=ada")], ["ws"])
        check("Rt-Conn", sorted(c["conn"] for c in conns), sorted([sse.head.get("rt-conn"), ws.head.get("rt-conn")]))
        if not all(c["remote"].startswith("127.0.0.1:") and c["lag"] == 0 for c in conns):
            raise Bad("%r" % conns)
        check("health", http(s.addr, "GET", "/healthz").json(), {"ok": True})
        check("ready", http(s.addr, "GET", "/readyz").status, 200)
        m = http(s.addr, "GET", "/metrics")
        check("metrics", m.get("content-type").split(";")[0], "text/plain")
        names = set()
        for line in m.body.decode().splitlines():
            if not re.fullmatch(r"# (HELP|TYPE) rt_[a-z_]+ .+|rt_[a-z_]+ [0-9.]+", line):
                raise Bad("metrics: %r" % line)
            if not line.startswith("#"):
                names.add(line.split()[0])
        if not {"rt_connections", "rt_published_total", "rt_delivered_total"} <= names:
            raise Bad("metrics: %r" % names)
        check("nothing here", http(s.addr, "GET", "/nothing").status, 404)
        check("problem", http(s.addr, "GET", "/nothing").get("content-type"), "application/problem+json")
        for path in ("/rooms", "/presence/a", "/connections"):
            check(path, http(s.addr, "GET", path).get("content-type"), "application/json")
        # the server's life is a room, which only its name opens
        wild = [Stream(s.addr, [r], "earliest") for r in (">", "*", "**")]
        hidden = Sse(s.addr, ["hidden"])
        hidden.close()
        log = Stream(s.addr, ["_log"])
        log.next()
        ws.close()
        rec = log.until(lambda i: i.body and i.body.get("event") == "close" and i.body.get("user_id") == "ada")[-1].body
        want = {"event", "conn", "user_id", "remote", "transport", "rooms", "code", "reason", "lag", "lag_bytes", "lag_s", "sent", "dropped", "duration_s"}
        check("a close", set(rec), want)
        check("who", (rec["conn"], rec["transport"], rec["rooms"], rec["code"]), (ws.head.get("rt-conn"), "ws", ["a.*"], 1006))
        s.publish("zz", {"end": 1})
        for w in wild:
            seen = w.until(lambda i: i.kind == "msg" and "end" in i.body)
            check("of " + w.rooms[0], [i.room for i in seen if i.room and i.room.startswith("_")], [])
        gap = Stream(s.addr, ["a.b"], "00000000deadbeef-1")
        gap.next(), gap.next()
        rec = log.until(lambda i: i.body and i.body.get("event") == "gap")[-1].body
        check("a gap", (rec["room"], rec["reason"], rec["conn"]), ("a.b", "epoch", gap.head.get("rt-conn")))
        http(s.addr, "POST", "/pub/a", [], b'{"_nope":1}')
        rec = log.until(lambda i: i.body and i.body.get("event") == "refused")[-1].body
        stats = Stream(s.addr, ["_stats"], "earliest")
        stats.next()
        rec = stats.until(lambda i: i.kind == "msg")[-1].body     # every 10 s
        if rec.get("event") != "stats" or rec.get("published", 0) < 4:
            raise Bad("stats: %r" % rec)


def members():
    with Server("--presence-grace", "150ms") as s:
        watch = Ws(s.addr, ["r"], query="meta=1")
        watch.next()
        def events(n):
            got = []
            while len(got) < n:
                i = watch.next()
                if i.kind == "msg" and i.body.get("type") in ("user_joined", "user_left", "typing", "end"):
                    if i.id is not None and i.body["type"] != "end":
                        raise Bad("an ephemeral message with an id: %r" % i)
                    got.append((i.body["type"], i.body.get("user_id")))
            return got
        def end():
            s.publish("r", {"type": "end"})
        one = Ws(s.addr, ["r"], query="user_id=ada&meta=1")
        two = Ws(s.addr, ["r"], query="user_id=ada&meta=1")
        eve = Ws(s.addr, ["r"], query="user_id=eve&meta=1")
        eve.next()
        check("joined once", events(2), [("user_joined", "ada"), ("user_joined", "eve")])
        check("members", sorted(m["user_id"] for m in s.get("/presence/r")["members"]), ["ada", "eve"])
        check("count", (s.get("/presence/r")["count"], s.get("/presence/r")["scope"]), (2, "instance"))
        one.close()
        end()
        check("one of two is still there", events(1), [("end", None)])
        two.close()
        back = Ws(s.addr, ["r"], query="user_id=ada&meta=1")       # within the grace, or not: never a left without a joined
        back.close()
        got = events(1)
        while got[-1] != ("user_left", "ada"):
            got += events(1)
        check("left", [e for e in got if e[1] == "ada"][-1:], [("user_left", "ada")])
        if [t for t, u in got if u == "ada"] not in (["user_left"], ["user_left", "user_joined", "user_left"]):
            raise Bad("joins and leaves do not alternate: %r" % got)
        # what one says carries who one is
        eve.send({"type": "chat", "user_id": "mallory", "text": "hi"})
        m = watch.until(lambda i: i.kind == "msg" and i.body.get("type") == "chat")[-1]
        check("who says so", m.body["user_id"], "eve")
        # typing goes to the others, is not stored, and shows
        eve.send({"_ref": 5, "type": "typing"})
        check("typing", events(1), [("typing", "eve")])
        got = eve.until(lambda i: i.kind == "ack" and i.body["_ref"] == 5)
        check("no id", "_id" in got[-1].body, False)
        check("typing shows", [m["typing"] for m in s.get("/presence/r")["members"] if m["user_id"] == "eve"], [True])
        end()
        got = eve.until(lambda i: i.kind == "msg" and i.body.get("type") == "end")
        check("no echo of it", [i for i in got if i.kind == "msg" and i.body.get("type") == "typing"], [])
        check("nothing stored", [l for l in http(s.addr, "GET", "/history/r").lines() if l.get("type") in ("typing", "user_joined", "user_left")], [])
        # the control message
        eve.ask({"_op": "presence", "_room": "r"})
        p = eve.control_until("presence")[-1].body
        check("presence", [m["user_id"] for m in p["members"]], ["eve"])
        # by HTTP, and a poller's lease
        check("beat", http(s.addr, "POST", "/presence/r", [], b'{"user_id":"bob"}').status, 200)
        check("bob joined", events(2)[-1], ("user_joined", "bob"))
        check("typing by HTTP", http(s.addr, "POST", "/presence/r", [], b'{"user_id":"bob","type":"typing"}').status, 200)
        check("bob types", events(1), [("typing", "bob")])
        check("no user", http(s.addr, "POST", "/presence/r", [], b"{}").status, 400)
        now = http(s.addr, "GET", "/poll/r").get("rt-next")
        http(s.addr, "GET", "/poll/r?timeout=0&presence=1&user_id=pol&since=" + now)
        check("the poller joined", events(1), [("user_joined", "pol")])
        sse = Sse(s.addr, ["r"], query="user_id=sue&presence=1")
        check("sse joined", events(1), [("user_joined", "sue")])
        sse.close()
        check("sse left", events(1), [("user_left", "sue")])
        quiet = Sse(s.addr, ["r"], query="user_id=quiet")
        quiet.next()
        end()
        check("sse without presence", events(1), [("end", None)])
        eve.close()
        check("left by cut", events(1), [("user_left", "eve")])


def websocket():
    with Server("--max-rooms", "3") as s:
        ws = Ws(s.addr, ["a"], query="client=me")
        ws.send({"n": 1})
        check("a plain client", (ws.next().body), {"n": 1})
        for raw, code in ((b"x", "invalid"), (b"[1]", "invalid"), (b'{"a":1,"a":2}', "invalid"), (b'{"_zz":1}', "invalid"), (b'{"_room":"a:b"}', "invalid"), (b'{"_room":"_log"}', "denied"),
                          (b'{"_op":"dance","_room":"a"}', "invalid"), (b'{"_op":"subscribe"}', "invalid"), (b'{"_op":"subscribe","_room":"a"}', "invalid"),
                          (b'{"_op":"subscribe","_room":"x","since":"nonsense"}', "invalid"), (b'{"_op":"unsubscribe","_room":"zz"}', "invalid"), (b'{"_op":"ping","_room":5}', None)):
            ws.send(raw)
            i = ws.next()
            check("answer to %r" % raw, (i.kind, i.body.get("code")) if code else i.body["_op"], ("error", code) if code else "error" if i.kind == "error" else "pong")
        ws.send({"_ref": "r1", "n": 2})
        got = ws.until(lambda i: i.kind == "ack")
        check("ack behind its message", ([i.kind for i in got], got[-1].body["_ref"], got[-1].body["_id"]), (["msg", "ack"], "r1", got[0].id))
        ws.ask({"_op": "subscribe", "_room": "b", "since": "latest"})
        check("subscribed", ws.control_until("subscribed")[-1].room, "b")
        ws.ask({"_op": "subscribe", "_room": "c.*"})
        ws.control_until("subscribed")
        ws.ask({"_op": "subscribe", "_room": "d"})
        check("too many rooms", ws.next().kind, "error")
        s.publish("b", {"n": 3}), s.publish("c.x", {"n": 4}), s.publish("d", {"n": 0}), s.publish("a", {"n": 5})
        check("merged", [(i.room, i.body["n"]) for i in (ws.next(), ws.next(), ws.next())], [("b", 3), ("c.x", 4), ("a", 5)])
        ws.ask({"_op": "unsubscribe", "_room": "b"})
        ws.control_until("unsubscribed")
        s.publish("b", {"n": 6}), s.publish("a", {"n": 7})
        check("unsubscribed", ws.next().body["n"], 7)
        ws.ask({"_op": "ping"})
        pong = ws.control_until("pong")[-1].body
        check("pong", list(pong), ["_op", "_id"])
        # resuming from a pong loses nothing and doubles nothing
        ws2 = Ws(s.addr, ["a"], pong["_id"])
        s.publish("a", {"n": 8})
        got = ws2.until(lambda i: i.kind == "msg")
        check("from a pong", (got[0].start, got[-1].body["n"], len([i for i in got if i.kind == "msg"])), (pong["_id"], 8, 1))
        ws.w.send(ws.frame(9, b"hello"))
        check("protocol ping", ws.until(lambda i: i.kind == "ponged")[-1].body, b"hello")
        for frames, code in (([ws2.frame(1, b'{"a":"\xff"}')], 1007), ([ws2.frame(2, b"{}")], 1003), ([b"\x81\x02{}"], 1002), ([b"\xc1\x80\0\0\0\0"], 1002), ([b"\x83\x80\0\0\0\0"], 1002),
                             ([ws2.frame(9, b"", fin=False)], 1002), ([ws2.frame(0, b"{}")], 1002), ([ws2.frame(1, b"{", False), ws2.frame(1, b"}")], 1002),
                             ([ws2.frame(8, struct.pack(">H", 1000) + b"bye")], 1000), ([ws2.frame(8, struct.pack(">H", 1005))], 1002), ([ws2.frame(8, b"x")], 1002), ([ws2.frame(8)], (1000, 1005)),
                             ([ws2.frame(9, b"x" * 126)], 1002)):
            w = Ws(s.addr, ["q"])
            w.w.send(b"".join(frames))
            try:
                while True:
                    w.next()
            except Closed as e:
                if e.args[0] not in (code if isinstance(code, tuple) else (code,)):
                    raise Bad("%r: close code %r, not %r" % (frames, e.args, code))
            check("the end", w.w.rest(), b"")
        # fragments, with a ping between
        w = Ws(s.addr, ["q"])
        w.w.send(w.frame(1, b'{"n"', False) + w.frame(9, b"x") + w.frame(0, b":1", False) + w.frame(0, b"}"))
        got = [w.next(), w.next()]
        check("fragments", sorted(i.kind for i in got), ["msg", "ponged"])
        w = Ws(s.addr, ["q"], query="heartbeat=1&meta=1")
        w.next()
        check("heartbeat", w.next().kind, "position")
        w = Ws(s.addr, ["q"], headers=["Sec-WebSocket-Protocol: rt.nope, rt.json"])
        check("subprotocol", w.head.get("sec-websocket-protocol"), "rt.json")


def peers():
    """peers that vanish without a word, and limits"""
    with Server("--ping", "150ms", "--pong", "150ms", "--max-connections", "6") as s:
        watch = Stream(s.addr, ["r"])
        watch.next()
        gone = Ws(s.addr, ["r"], query="user_id=gone&meta=1")
        gone.next()
        alive = Ws(s.addr, ["r"], query="user_id=alive&meta=1")
        alive.next()
        keep = threading.Event()
        def stay():
            while not keep.is_set():
                alive.next(0.02)
        t = threading.Thread(target=stay)
        t.start()
        try:
            watch.until(lambda i: i.body and i.body.get("type") == "user_left" and i.body["user_id"] == "gone")
            check("who answers stays", [c["user_id"] for c in s.get("/connections") if c["transport"] == "ws"], ["alive"])
        finally:
            keep.set()
            t.join()
        try:
            while True:
                gone.more(0.05)
        except Closed:
            pass
        alive.close()
        more = []
        while len(more) < 5:
            try:
                more.append(Sse(s.addr, ["r"]))
            except (Refused, Closed, OSError):
                pass
        w = Wire(s.addr)
        w.send(request("GET", "/healthz"))
        a = read_answer(w)
        check("over the limit", (a.status, a.get("retry-after") is not None), (503, True))
        check("the end", w.rest(), b"")
        for m in more:
            m.close()
        while not served(s):
            pass
    s = Server(files=96)
    if s.ready["max_connections"] > 48:
        raise Bad("96 files, and %r connections" % s.ready)
    held = []
    for _ in range(60):
        try:
            held.append(Wire(s.addr))
        except OSError:
            break
    answers = 0
    for w in held:
        try:
            w.send(request("GET", "/healthz"))
        except OSError:
            pass
    for w in held:
        try:
            answers += read_answer(w).status == 200
        except (Closed, OSError):
            pass
        w.close()
    most = s.ready["max_connections"]      # the last question for readyness may not be over yet
    check("served up to the limit", answers in (most - 1, most), True)
    while not served(s):
        pass
    s.stop()


def served(s):
    """far over the limit the answer may be lost"""
    try:
        return http(s.addr, "GET", "/healthz").status == 200
    except (Closed, OSError):
        return False


def daemon():
    """starting, reloading, ending"""
    s = Server("--idle", "1h")
    subs = {n: T(s.addr, ["r"], "latest") for n, T in TRANSPORTS.items()}
    for n, sub in subs.items():
        if n == "poll":
            sub.next()
        elif n != "stream":
            sub.next()
    now = subs["poll"].since
    subs["poll"].ask()
    idle = Wire(s.addr)
    half = Wire(s.addr)
    half.send(b"GET /healthz HTTP/1.1\r\n")
    while len(s.get("/connections")) != 4:
        pass
    ws2 = Ws(s.addr, ["r"])
    ws2.send({"_ref": 1, "n": 1})
    ws2.until(lambda i: i.kind == "ack")
    s.signal(signal.SIGTERM)
    for n, sub in list(subs.items()) + [("ws", ws2)]:
        try:
            got = []
            while n != "poll":
                i = sub.next()
                got.append(i)
        except Closed as e:
            check("%s is told" % n, e.args[0], 1012 if n == "ws" else 1000)
    i = [subs["poll"].next(), subs["poll"].next()]
    if "msg" not in [x.kind for x in i] and i[0].status != 204:
        raise Bad("the poll: %r" % i)
    check("an idle one", idle.rest(), b"")
    half.close()
    check("the end", s.wait(), 0)
    try:
        Wire(s.addr)
        raise Bad("it still listens")
    except OSError:
        pass
    # a publisher gets what it asked before the end
    # SIGHUP
    d = tempfile.mkdtemp()
    conf = os.path.join(d, "conf")
    def write(text):
        with open(conf, "w") as f:
            f.write(text)
    write("# comment\nhistory 5\norigin https://one.example\n\nmax-message 200\n")
    with Server("--config", conf) as s:
        check("configured", http(s.addr, "GET", "/healthz", ["Origin: https://one.example"]).status, 200)
        for n in range(9):
            s.publish("r", {"n": n})
        check("history", len(http(s.addr, "GET", "/history/r").lines()), 5)
        ws = Ws(s.addr, ["r"], query="meta=1")
        ws.next()
        write("history 2\norigin https://two.example\n")
        s.signal(signal.SIGHUP)
        while http(s.addr, "GET", "/healthz", ["Origin: https://two.example"]).status != 200:
            pass
        check("the old origin", http(s.addr, "GET", "/healthz", ["Origin: https://one.example"]).status, 403)
        s.publish("r", {"n": 9})
        check("who was there stays", ws.next().body, {"n": 9})
        check("less history", len(http(s.addr, "GET", "/history/r").lines()), 2)
        write("histroy 2\n")
        s.signal(signal.SIGHUP)
        while "not reloaded" not in s.stderr():
            pass
        check("a bad file changes nothing", http(s.addr, "GET", "/healthz", ["Origin: https://two.example"]).status, 200)
    serve = [os.path.join(os.environ.get("RT_BIN", "build/test"), "rt-serve")]
    def run(*args):
        p = subprocess.run(serve + list(args), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE)
        return p.returncode, p.stdout.decode(), p.stderr.decode()
    write("history 7\nslow ticks.>=latest\n")
    rc, out, err = run("--config", conf, "--check", "--ping", "5s")
    check("--check", (rc, "history 7\n" in out, "slow ticks.>=latest\n" in out, "ping 5s\n" in out, "bus mem" in out, err), (0, True, True, True, True, ""))
    write(out)
    check("its output is a configuration", run("--config", conf, "--check")[:2], (0, out))
    for args in (("--check", "--history", "x"), ("--nope",), ("operand",), ("--config", "/nonexistent"), ("-b", "nope://x"), ("--slow", "fast"), ("-l", "1:2:3"), ("--ping", "0")):
        rc, out, err = run(*args)
        if rc not in (2, 6) or not err.startswith("rt-serve: ") or out:
            raise Bad("%r: %d %r %r" % (args, rc, out, err))
    rc, out, err = run("-l", "127.0.0.1:%d" % held_port())
    check("in use", (rc, "in use" in err), (6, True))


_held = []


def held_port():
    l = socket.socket()
    l.bind(("127.0.0.1", 0))
    l.listen()
    _held.append(l)
    return l.getsockname()[1]


def systemd():
    d = tempfile.mkdtemp()
    n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    n.settimeout(PATIENCE)
    n.bind(os.path.join(d, "notify"))
    l = socket.socket()
    l.bind(("127.0.0.1", 0))
    l.listen(50)
    serve = os.path.join(os.environ.get("RT_BIN", "build/test"), "rt-serve")
    pid = os.fork()
    if pid == 0:
        fd = os.dup(l.fileno())
        os.dup2(fd, 3)
        env = dict(os.environ, LISTEN_FDS="1", LISTEN_PID=str(os.getpid()), NOTIFY_SOCKET=os.path.join(d, "notify"), WATCHDOG_USEC="200000")
        os.execve(serve, [serve, "-q"], env)
    got = ""
    while "WATCHDOG=1" not in got or "READY=1" not in got:
        got += n.recv(4096).decode() + "\n"
    check("inherited", http(l.getsockname(), "GET", "/healthz").status, 200)
    got, before = "", time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
    os.kill(pid, signal.SIGHUP)
    while "READY=1" not in got:
        got += n.recv(4096).decode() + "\n"
    m = re.search(r"RELOADING=1\nMONOTONIC_USEC=([0-9]+)\n(WATCHDOG=1\n)*READY=1\n", got)
    if not m or not before <= int(m.group(1)) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000:
        raise Bad("reloading is told as %r" % got)
    os.kill(pid, signal.SIGTERM)
    while "STOPPING=1" not in got:
        got += n.recv(4096).decode() + "\n"
    check("the end", os.waitpid(pid, 0)[1], 0)


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
    except (Bad, Closed, Refused) as e:
        import traceback
        traceback.print_exc()
        print("FAILED %s: %s" % (sys.argv[1], e))
        sys.exit(1)
