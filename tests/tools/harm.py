#!/usr/bin/env python3
"""harm.py CASE - clients that mean harm, and what they must not be able to do to the others"""
import signal, sys
from rtclient import *


def metric(server, name):
    for line in http(server.addr, "GET", "/metrics").body.decode().split("\n"):
        if line.startswith("rt_%s " % name):
            return int(line.split()[1])
    raise Bad("no metric %s" % name)


def pipeline():
    """a few bytes ask for half a megabyte, many times, and nothing is read: the server must not gather it all"""
    with Server() as s:
        body = b"".join(b'{"_room":"%s.%d"}\n' % (b"r" * 100, i) for i in range(2000))
        if http(s.addr, "POST", "/pub", ["Content-Type: application/x-ndjson"], body).status != 200:
            raise Bad("cannot publish")
        before, n = metric(s, "requests_total"), 300
        w = Wire(s.addr)
        w.send(request("GET", "/rooms") * n)
        for _ in range(3): # each is answered in a turn after those bytes came in
            done = metric(s, "requests_total") - before
        if done >= n:
            raise Bad("%d requests were answered into memory" % done)
        for i in range(n):
            a = read_answer(w)
            if a.status != 200 or len(a.json()) != 2000:
                raise Bad("answer %d: %d, %d bytes" % (i, a.status, len(a.body)))


def members():
    """the same with control messages"""
    with Server() as s:
        w = Wire(s.addr)
        n = 1500
        w.send(b"".join(request("POST", "/presence/a?user_id=%s%d" % ("u" * 80, i), body=b"") for i in range(n)))
        for i in range(n):
            read_answer(w)
        ws = Ws(s.addr, ["b"])
        for _ in range(200):
            ws.send({"_op": "presence", "_room": "a"})
        ws.send({"_op": "ping"})
        s.publish("b", {"n": 1})   # everybody else is served
        for _ in range(200):
            got = ws.control_until("presence")[-1].body
            if got["count"] != n:
                raise Bad("%d members" % got["count"])
        ws.close()


def broken_body():
    """what was published before a body broke off keeps its outcome"""
    chunk = b'8\r\n{"a":1}\n\r\n'
    with Server() as s:
        for kind, n, tail, reason in (
                ("application/x-ndjson", 1, b"ZZ\r\n", "hexadecimal"),
                ("application/json", 1, b"ZZ\r\n", "hexadecimal"),
                ("application/json", 2, b"ZZ\r\n", "hexadecimal"),
                ("application/json", 1, b'200000\r\n{"b":"' + b"x" * 0x1ffffa, "limit")):
            w = Wire(s.addr)
            w.send(request("POST", "/pub/a", ["Content-Type: " + kind, "Transfer-Encoding: chunked"]) + chunk * n)
            w.send(tail)
            a = read_answer(w)
            lines = a.lines()
            if a.status != 200 or len(lines) != n + 2 or any("_id" not in l for l in lines[:n]):
                raise Bad("%s %d %r: %d %r" % (kind, n, tail[:9], a.status, a.body))
            if reason not in lines[n]["error"] or lines[-1] != {"accepted": n, "refused": 1}:
                raise Bad("%r" % lines)
        w = Wire(s.addr)
        w.send(request("POST", "/pub/a", ["Transfer-Encoding: chunked"]) + b"ZZ\r\n")
        if read_answer(w).status != 400:
            raise Bad("nothing was published: that is a 400")


def burst():
    """more than the room remembers comes in at once; who reads at once misses nothing"""
    with Server() as s:
        sub = Ws(s.addr, ["a"])
        sub.send({"_op": "ping"})
        sub.control_until("pong")
        line = b'{"pad":"%s"}\n' % (b"x" * 3000)
        publishers = [Wire(s.addr) for _ in range(40)]
        for w in publishers:
            w.send(request("POST", "/pub/a", ["Content-Type: application/x-ndjson", "Transfer-Encoding: chunked"]))
            read_head(w)
        s.signal(signal.SIGSTOP)
        for w in publishers:
            w.send(b"%x\r\n" % (20 * len(line)) + 20 * line + b"\r\n")
        s.signal(signal.SIGCONT)
        for i in range(800):
            item = sub.next()
            if item.kind != "msg":
                raise Bad("item %d: %s" % (i, item.kind))


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
    except (Bad, Closed) as e:
        sys.exit("harm %s: %s" % (sys.argv[1], e))
