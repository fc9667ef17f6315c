#!/usr/bin/env python3
"""redis_faults.py CASE - rt-serve on a real Redis: what is heard and spoken, and what is told when Redis fails"""
import re, subprocess, sys, threading
from redis_server import *
from rtclient import *

CASES = {}


def case(fn):
    CASES[fn.__name__] = fn
    return fn


def check(what, got, want):
    if got != want:
        raise Bad("%s\n      got  %r\n      want %r" % (what, got, want))


def pubsub(r, *args, query="", **more):
    return Server(*args, bus="redis", url=r.url("redis", query), **more)


def until(what, fn):
    deadline = time.monotonic() + PATIENCE
    while True:
        got = fn()
        if got:
            return got
        if time.monotonic() > deadline:
            raise Bad("never: " + what)
        time.sleep(0.01)


def readyz(s):
    return http(s.addr, "GET", "/readyz")


def is_ready(s):
    return readyz(s).status == 200


def not_ready(s, why):
    """says so, and why"""
    a = until("not ready", lambda: [a for a in [readyz(s)] if a.status == 503])[0]
    if why not in a.body.decode():
        a = until("not ready because of " + why, lambda: [a for a in [readyz(s)] if why in a.body.decode()])[0]
    return a


def try_publish(s, room, n):
    """publishes over what is temporary"""
    while True:
        a = http(s.addr, "POST", "/pub/" + room, ["Idempotency-Key: n-%d" % n], b'{"n":%d}' % n)
        if a.status == 200:
            return parse_json(a.body)["_id"]
        check("a temporary refusal", a.status, 503)
        time.sleep(0.02)


def told(items):
    return [(i.kind, i.body.get("n") if i.kind == "msg" else i.body["reason"]) for i in items if i.kind in ("msg", "gap")]


def at(n):
    return lambda i: i.kind == "msg" and i.body.get("n") == n


# --- what is heard and spoken -------------------------------------------------------------------------------------

@case
def transports():
    """what one instance publishes is heard on another over every transport, in order, once, byte for byte"""
    with Redis() as r, pubsub(r) as a, pubsub(r) as b:
        for name in TRANSPORTS:
            first = b.publish("start." + name, {})
            rooms = [name + ".x", name + ".y"]
            subs = [TRANSPORTS[name](s.addr, rooms, http(s.addr, "GET", "/poll/x").get("rt-head")) for s in (a, b)]
            raw = b'{"f":1.50, "t":"\xc3\xa9\\u0000","n":%d}'
            for n in range(20):
                s = (a, b)[n % 3 == 0]
                s.publish(rooms[n % 2], raw=raw % n, headers=["Rt-Client: c"])
            for sub in subs:
                got = [i for i in sub.until(at(19)) if i.kind == "msg"]
                check(name + " in order", [i.body["n"] for i in got], list(range(20)))
                for i in got:
                    if not i.raw.endswith((raw % i.body["n"])[1:]):
                        raise Bad("not byte for byte: %r" % i.raw)
                sub.close()
        # an ack has a position that the own subscribers see
        ws = Ws(a.addr, ["acked"], "latest")
        ws.next()
        for n in range(200):
            ws.send({"_ref": n, "n": n})
        got = ws.until(lambda i: i.kind == "ack" and i.body["_ref"] == 199)
        acks = [i.body["_id"] for i in got if i.kind == "ack"]
        check("acks are of messages, in order", acks, [i.id for i in got if i.kind == "msg"])
        check("all of them", len(acks), 200)


@case
def bridge():
    """programs that know nothing of rt: what they write is delivered, what they read is our message"""
    with Redis() as r, pubsub(r) as a, pubsub(r, query="prefix=") as bare:
        listener = Redis(start=False)
        listener.socket = r.socket
        listener.connect()
        listener.ask("PSUBSCRIBE", "room:*")
        ws = Ws(a.addr, ["lobby"], "latest")
        ws.next()
        for foreign, want in (
                (b'{"type":"chat","text":"hi","_origin":140223456789}', {"type": "chat", "text": "hi"}),
                (b'{"_origin":1,"_live":null,"_client":7,"_x":2,"a":1}', {"a": 1}),
                (b'{"_attempt":2,"_from":{"a":1},"a":2}', {"a": 2}),
                (b'[1,\n2]', {"_data": [1, 2]}), (b'7', {"_data": 7}), (b'\xff\x00', {"_b64": "/wA="}), (b'', {"_b64": ""}),
                (b'{"a":1,"a":2}', {"_b64": "eyJhIjoxLCJhIjoyfQ=="})):
            check("somebody heard", r.ask("PUBLISH", "room:lobby", foreign) >= 2, True)
            i = ws.until(lambda i: i.kind == "msg")[-1]
            check(repr(foreign), i.body, want)
            if i.id is None:
                raise Bad("a message without a position: %r" % i)
        # names that no room has, and what is too long, are passed over
        for room in ("a:b", "", "x y", "-a", "a" * 129):
            r.ask("PUBLISH", "room:" + room, b"{}")
        r.ask("PUBLISH", "room:lobby", b'{"long":"%s"}' % (b"x" * (1 << 20)))
        # news of others is not history
        r.ask("PUBLISH", "room:lobby", b'{"type":"typing","user_id":"bob","_origin":5}')
        i = ws.until(lambda i: i.kind == "msg")[-1]
        check("typing of others", (i.body, i.id), ({"type": "typing", "user_id": "bob"}, None))
        r.ask("PUBLISH", "room:lobby", b'{"n":1}')
        check("nothing else", told(ws.until(at(1))), [("msg", 1)])
        # what we write
        a.publish("lobby", {"type": "chat", "text": "hello"}, headers=["Rt-Client: me", "Idempotency-Key: k1"])
        while True:
            kind, pattern, channel, data = listener.reply()
            if b'"hello"' in data:
                o = parse_json(data)
                break
        check("the channel", channel, b"room:lobby")
        check("members in front", list(o), ["_origin", "_ts", "_client", "_dedup", "type", "text"])
        if not re.fullmatch(r"[0-9a-f]{16}\.[1-9][0-9]*", o["_origin"]) or abs(o["_ts"] / 1000 - time.time()) > 600:
            raise Bad("not an envelope: %r" % o)
        # a prefix may be empty: a bare channel is a room, and its events are events
        sse = Sse(bare.addr, ["news"])
        sse.next()
        r.ask("PUBLISH", "news", b'{"event":"tick","data":{"n":1}}')
        i = sse.until(lambda i: i.kind == "msg")[-1]
        check("an event of others", (i.event, i.body), ("tick", {"n": 1}))
        metrics = http(a.addr, "GET", "/metrics").body.decode()
        skipped = re.search(r"^rt_\w*skipped\w* (\d+)", metrics, re.M)
        check("what was passed over is counted", skipped and int(skipped.group(1)) >= 6, True)


@case
def doubles():
    """a message that is sent twice, also by way of another instance, is delivered once on all of them"""
    with Redis() as r, pubsub(r) as a, pubsub(r) as b:
        subs = [Ws(s.addr, ["d"], "latest") for s in (a, b)]
        [s.next() for s in subs]
        first = http(a.addr, "POST", "/pub/d", ["Idempotency-Key: k"], b'{"n":1}').json()
        check("the first", sorted(first), ["_id"])
        again = http(a.addr, "POST", "/pub/d", ["Idempotency-Key: k"], b'{"n":1}').json()
        check("the second", again, {"_id": first["_id"], "dup": True})
        check("elsewhere", http(b.addr, "POST", "/pub/d", ["Idempotency-Key: k"], b'{"n":1}').json().get("dup"), True)
        a.publish("d", {"n": 2})
        for s in subs:
            check("delivered", told(s.until(at(2))), [("msg", 1), ("msg", 2)])


@case
def dropped():
    """numbers of a publisher tell what Redis did not bring: a gap for every room"""
    with Redis() as r, pubsub(r) as a:
        ws = Ws(a.addr, ["x", "y"], "latest")
        ws.next(), ws.next()
        def say(n, number):
            r.ask("PUBLISH", "room:x", b'{"_origin":"00000000000000aa.%s","n":%d}' % (number, n))
        say(1, b"7"), say(2, b"8"), say(3, b"8.1"), say(4, b"9")
        say(5, b"11"), say(6, b"12"), say(7, b"13.1"), say(8, b"14")
        got = told(ws.until(at(8)))
        check("gaps", got, [("msg", n) for n in (1, 2, 3, 4)] + [("gap", "bus")] * 2 + [("msg", 5), ("msg", 6)] +
              [("gap", "bus")] * 2 + [("msg", 7), ("msg", 8)])


# --- faults -----------------------------------------------------------------------------------------------------------

def outage(r, a, b, breaks, mends):
    """before, in and after an outage; who is subscribed is told a gap and stays"""
    subs = [TRANSPORTS[t](s.addr, ["o"], http(s.addr, "GET", "/poll/o").get("rt-head")) for t in ("ws", "sse", "stream") for s in (a, b)]
    try_publish(a, "o", 1)
    for s in subs:
        s.until(at(1))
    breaks()
    ws = Ws(a.addr, ["o"])
    ws.send({"_ref": 1, "n": 100})
    i = ws.until(lambda i: i.body and i.body.get("_ref") == 1)[-1]
    if i.body["code"] not in ("unknown", "refused"):
        raise Bad("publishing while it is down: %r" % i)
    try:
        ws.until(lambda i: False)
        raise Bad("the publisher stays")
    except Closed as c:
        check("the publisher is sent away", c.args[0], 1013)
    # from here on it is known to be down
    for s in (a, b):
        until("down", lambda: http(s.addr, "POST", "/pub/o", (), b'{"n":100}').status == 503)
    mends()
    try_publish(b, "elsewhere", 2)           # who is not back yet misses what is published
    two = try_publish(a, "o", 2)
    for s in subs:
        got = [t for t in told(s.until(at(2))) if t != ("msg", 100)]
        if ("gap", "bus") not in got or set(got) != {("gap", "bus"), ("msg", 2)}:
            raise Bad("%s: over an outage: %r" % (s.name, got))
    three = try_publish(b, "o", 3)
    for s in subs:
        check("and on", told(s.until(at(3))), [("msg", 3)])
        s.close()


@case
def restart():
    with Redis() as r, pubsub(r) as a, pubsub(r) as b:
        outage(r, a, b, r.kill, r.start)
        if "redis" not in a.stderr():
            raise Bad("nothing is said of the outage: %r" % a.stderr())


@case
def frozen():
    """a Redis that is stopped keeps its connections: it is noticed by the token that does not come round"""
    with Redis() as r, pubsub(r) as a, pubsub(r) as b:
        outage(r, a, b, r.freeze, r.thaw)


@case
def cut():
    """Redis drops who is too slow, or whom somebody kills"""
    with Redis() as r, pubsub(r) as a:
        ws = Ws(a.addr, ["o"], "latest")
        ws.next()
        try_publish(a, "o", 1)
        for kind in ("pubsub", "normal"):
            r.ask("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
            ws.until(lambda i: i.kind == "gap" and i.body["reason"] == "bus")
        try_publish(a, "o", 2)
        ws.until(at(2))


@case
def absent():
    """no Redis at the start: it serves, says so, and is ready when there is one"""
    r = Redis(start=False)
    with r, pubsub(r, wait=False) as a:
        not_ready(a, "no such file")
        check("healthz", http(a.addr, "GET", "/healthz").status, 200)
        check("publishing", http(a.addr, "POST", "/pub/x", (), b"{}").status, 503)
        r.start()
        until("ready", lambda: is_ready(a))
        a.publish("x", {})


@case
def refused():
    """nobody listens on the port; a name that is none"""
    r = Redis(start=False, port=True)
    with r, Server(bus="redis", url=r.url(tcp=True), wait=False) as a, \
            Server(bus="redis", url="redis://nowhere.invalid", wait=False) as n:
        not_ready(a, "connection refused")
        not_ready(n, "the name is not found")
        r.start()
        until("ready", lambda: is_ready(a))
        a.publish("x", {})


@case
def passwords():
    """by URL, file and environment; a wrong one is told, none is ever shown"""
    secret = "s3cret/%d" % os.getpid()
    written = secret.replace("/", "%2F")
    with Redis("--requirepass", secret, port=True, start=False) as r:
        r.start()
        r.ask("AUTH", secret)
        r.ask("ACL", "SETUSER", "ada", "on", ">" + secret, "+@all", "~*", "&*")
        path = os.path.join(r.dir, "password")
        with open(path, "w", opener=lambda p, f: os.open(p, f, 0o600)) as f:
            f.write(secret + "\n")
        good = [dict(url=r.url(user=":%s@" % written)), dict(url=r.url(user="ada:%s@" % written, tcp=True)),
                dict(url=r.url(query="password-file=" + path)), dict(url=r.url(), env={"RT_BUS_PASSWORD": secret}),
                dict(url=r.url(user="ada@", query="password-file=" + path)),
                dict(url=r.url(user="ada@", tcp=True).replace("?", "/0?"), env={"RT_BUS_PASSWORD": secret})]
        for how in good:
            with Server("-v", bus="redis", **how) as s:
                s.publish("x", {})
                seen = open("/proc/%d/cmdline" % s.proc.pid, "rb").read().decode() + s.stderr() + str(s.get("/rooms"))
                if secret in seen or written in seen:
                    raise Bad("the password is shown: %r" % seen)
        wrong = r.url(user="ada:wr0ng@")
        with Server("-v", bus="redis", url=wrong, wait=False) as s:
            a = not_ready(s, "WRONGPASS")
            if "wr0ng" in a.body.decode() + s.stderr() + open("/proc/%d/cmdline" % s.proc.pid).read():
                raise Bad("the wrong password is shown")
            r.ask("ACL", "SETUSER", "ada", ">wr0ng")
            until("ready", lambda: is_ready(s))
        with Server(bus="redis", url=r.url(), wait=False) as s:
            not_ready(s, "wants a password")
        os.chmod(path, 0o644)
        with Server(bus="redis", url=r.url(query="password-file=" + path), wait=False) as s:
            not_ready(s, "others can read it")
        # rights that lack: one message is refused for good, the rest goes on
        r.ask("ACL", "SETUSER", "eve", "on", ">e", "+@all", "~*", "resetchannels", "&room:*", "&rt:token:*")
        with Server(bus="redis", url=r.url(user="eve:e@"), wait=False) as s:
            until("ready", lambda: is_ready(s))
            s.publish("x", {})


@case
def replica():
    """a replica takes no part: what is published there stays there"""
    with Redis(port=True) as r, Redis() as copy:
        copy.ask("REPLICAOF", "127.0.0.1", r.port)
        with Server(bus="redis", url=copy.url(), wait=False) as s:
            not_ready(s, "replica")
            copy.ask("REPLICAOF", "NO", "ONE")
            until("ready", lambda: is_ready(s))


# --- Streams ------------------------------------------------------------------------------------------------------------

def streams(r, *args, query="", **more):
    return Server(*args, bus="redis+stream", url=r.url("redis+stream", query), **more)


def head(s):
    return http(s.addr, "GET", "/poll/x").get("rt-head")


def past(s, room, since):
    """what is told of everything behind a position, up to a message that is published for it"""
    sub = Ws(s.addr, [room], since)
    last = s.publish(room, {"n": "end"})
    got = sub.until(at("end"))
    sub.close()
    return [t for t in told(got) if t[1] != "end"]


@case
def one_order():
    """ids rise over all rooms and instances, and any of them resumes any rooms anywhere"""
    with Redis() as r, streams(r) as a, streams(r) as b:
        ids = [(a, b)[n % 2].publish("r%d" % (n % 3), {"n": n}) for n in range(60)]
        check("ids rise", [order(i) for i in ids], sorted(set(order(i) for i in ids)))
        for name in TRANSPORTS:
            for s in (a, b):
                sub = TRANSPORTS[name](s.addr, ["r0", "r1", "r2"], ids[19])
                got = [i for i in sub.until(at(59)) if i.kind in ("msg", "gap")]
                check(name, [(i.id, i.body.get("n")) for i in got], list(zip(ids[20:], range(20, 60))))
                sub.close()
        with streams(r) as c:                  # one that was not there
            sub = Sse(c.addr, ["*"], ids[39])
            check("a new instance", [i.id for i in sub.until(at(59)) if i.kind == "msg"], ids[40:])
        meta = {"_key": "k", "_attempt": 2, "_from": "a\"b", "_reason": "\u00e9"}
        a.publish("m", dict(meta, n=1))
        got = Ws(b.addr, ["m"], "earliest").until(at(1))[-1]
        check("metadata", {k: v for k, v in got.meta.items() if k in meta}, meta)


@case
def foreign():
    """what others XADD: JSON, any fields, any bytes; in its place among ours, once, on all instances"""
    with Redis() as r, streams(r) as a, streams(r) as b:
        first = a.publish("f", {"n": 0})
        subs = [TRANSPORTS[t](s.addr, ["f"], first) for t in ("ws", "sse", "stream") for s in (a, b)]
        r.ask("XADD", "stream:f", "*", "data", '{"n":1,"_origin":5}')
        a.publish("f", {"n": 2})               # it names what is before it: nobody waits for a sweep
        r.ask("XADD", "stream:f", "*", "n", "3", "\xff", "x\"")
        r.ask("XADD", "stream:f", "*", "data", "[1]")
        r.ask("XADD", "stream:f", "*", "data", b"\xff")
        r.ask("XADD", "stream:f", "*", "data", '{"n":4}')      # found by a sweep
        want = [{"n": 1}, {"n": 2}, {"n": "3", "\xff": 'x"'}, {"_data": [1]}, {"_b64": "/w=="}, {"n": 4}]
        for s in subs:
            check(s.name, [i.body for i in s.until(at(4)) if i.kind == "msg"], want)
        check("replayed", [i.body for i in Ws(b.addr, ["f"], first).until(at(4)) if i.kind == "msg"], want)
        # a stream that nobody told of
        r.ask("XADD", "stream:new", "*", "data", '{"n":1}')
        sub = Ws(a.addr, ["new"], "earliest")
        sub.until(at(1))
        sub = Ws(a.addr, ["*"], "latest")
        sub.next()
        r.ask("XADD", "stream:newer", "*", "data", '{"n":2}')
        sub.until(at(2))                       # a SCAN finds it
        # a key of another kind: that room refuses, for good; others go on
        r.ask("SET", "stream:wrong", "x")
        w = http(a.addr, "POST", "/pub/wrong", (), b"{}")
        if w.status == 200 or "WRONGTYPE" not in w.body.decode():
            raise Bad("published to no stream: %d %r" % (w.status, w.body))
        a.publish("f", {})


@case
def trimmed():
    """what is gone is told, once, and nothing else is"""
    with Redis() as r, streams(r, "--history", "3") as a:
        def fill(room):
            return [a.publish(room, {"n": n}) for n in range(10)]
        ids = fill("whole")
        other = a.publish("other", {})
        check("nothing is gone", past(a, "whole", ids[0]), [("msg", n) for n in range(1, 10)])
        check("the position of another room", past(a, "whole", other), [])
        check("a room that never was", past(a, "never", other), [])
        ids = fill("cut")
        r.ask("XTRIM", "stream:cut", "MAXLEN", "=", "5")
        check("at what is left", past(a, "cut", ids[5]), [("msg", n) for n in range(6, 10)])
        check("just before what is left", past(a, "cut", ids[4]), [("msg", n) for n in range(5, 10)])
        check("before it", past(a, "cut", ids[3]), [("gap", "history")] + [("msg", n) for n in range(5, 10)])
        for since in ("earliest", "last:100", "1h"):
            got = told(Sse(a.addr, ["cut"], since).until(at("end")))
            check(since, got, [("msg", n) for n in range(5, 10)] + [("msg", "end")])
        ids = fill("gone")
        r.ask("DEL", "stream:gone")
        check("deleted", past(a, "gone", ids[4])[:1], [("gap", "history")])
        check("deleted, and begun again", past(a, "gone", ids[4])[:1], [("gap", "history")])
        ids = fill("emptied")
        r.ask("XTRIM", "stream:emptied", "MAXLEN", "=", "0")
        check("emptied", past(a, "emptied", ids[4])[:1], [("gap", "history")])


@case
def flushed():
    """another log: a gap of reason epoch for everybody, whether or not anybody publishes"""
    with Redis() as r, streams(r) as a, streams(r) as b:
        before = a.publish("x", {"n": 1})
        subs = [TRANSPORTS[t](s.addr, ["x"], before) for t in ("ws", "sse", "stream") for s in (a, b)]
        r.ask("FLUSHALL")
        for s in subs:
            s.until(lambda i: i.kind == "gap" and i.body["reason"] == "epoch")
        after = try_publish(a, "x", 2)
        if pos_key(after)[0] == pos_key(before)[0]:
            raise Bad("the same epoch: %s %s" % (before, after))
        for s in subs:
            check("and on", told(s.until(at(2))), [("msg", 2)])
        check("the old position", past(b, "x", before), [("gap", "epoch"), ("msg", 2)])


@case
def lost_end():
    """a Redis that comes back without what it had acknowledged last: positions given then are of another epoch"""
    with Redis("--appendonly", "no") as r, streams(r) as a, streams(r) as b:
        early = a.publish("x", {"n": 1})
        r.ask("CONFIG", "SET", "save", "3600 1")
        r.ask("SAVE")
        late = a.publish("x", {"n": 2})
        sub = Ws(b.addr, ["x"], early)
        sub.until(at(2))
        r.ask("CONFIG", "SET", "save", "")
        r.kill()
        r.start()
        sub.until(lambda i: i.kind == "gap" and i.body["reason"] == "epoch")
        new = try_publish(a, "x", 3)
        check("goes on", told(sub.until(at(3)))[-1:], [("msg", 3)])
        if pos_key(new)[0] == pos_key(late)[0]:
            raise Bad("the same epoch")
        for s in (a, b):
            check("what was lost is told", past(s, "x", late)[:1], [("gap", "epoch")])


@case
def states():
    """what Redis answers when it cannot: nothing is acknowledged, nothing is lost, it comes back by itself"""
    with Redis(port=True) as r, Redis(port=True) as primary, streams(r) as a, streams(r) as b:
        sub = Ws(b.addr, ["s"], a.publish("s", {"n": 0}))
        n = 0
        def breaks(what, mend):
            nonlocal n
            until(what, lambda: http(a.addr, "POST", "/pub/s", (), b'{"n":-1}').status == 503)
            mend()
            n += 1
            try_publish(a, "s", n)
            check(what, [t for t in told(sub.until(at(n))) if t != ("msg", -1)], [("msg", n)])
        r.ask("CONFIG", "SET", "maxmemory", "1")
        breaks("OOM", lambda: r.ask("CONFIG", "SET", "maxmemory", "0"))
        r.ask("CONFIG", "SET", "min-replicas-to-write", "1")
        breaks("NOREPLICAS", lambda: r.ask("CONFIG", "SET", "min-replicas-to-write", "0"))
        r.send("EVAL", "while true do end", "0")               # BUSY: another connection says so
        other = Redis(start=False)
        other.socket = r.socket
        other.connect()
        def kill_script():
            until("killed", lambda: kill_one(other))
        def kill_one(c):
            try:
                return c.ask("SCRIPT", "KILL") == b"OK"
            except Reply as e:
                return "NOTBUSY" in str(e)
        breaks("BUSY", kill_script)
        try:
            r.reply()
        except Reply:
            pass
        r.ask("SCRIPT", "FLUSH")                               # NOSCRIPT: nobody notices
        for _ in range(20):
            n += 1
            a.publish("s", {"n": n})
        sub.until(at(n))
        r.ask("SCRIPT", "FLUSH")
        check("replay without scripts", told(Ws(a.addr, ["s"], "last:1").until(at(n))), [("msg", n)])
        # it becomes a replica: not for us, until it is a primary again
        r.ask("CONFIG", "SET", "replica-serve-stale-data", "yes")
        r.ask("REPLICAOF", "127.0.0.1", free_port())
        breaks("READONLY", lambda: r.ask("REPLICAOF", "NO", "ONE"))


@case
def loading():
    """a Redis that reads its data is not ready, and then is"""
    with Redis("--key-load-delay", "-200", "--loading-process-events-interval-bytes", "1024", "--aof-use-rdb-preamble", "no") as r:
        with streams(r) as a:
            for n in range(300):
                last = a.publish("x", {"n": n, "fill": "x" * 2000})
            sub = Ws(a.addr, ["x"], last)
            sub.next()
            r.kill()
            r.start()
            new = try_publish(a, "x", 1000)
            check("nothing is lost", told(sub.until(at(1000))), [("msg", 1000)])


@case
def stream_outage():
    """over an outage nothing is lost and nothing is told"""
    with Redis() as r, streams(r) as a, streams(r) as b:
        first = a.publish("o", {"n": 0})
        subs = [TRANSPORTS[t](s.addr, ["o", "p"], first) for t in ("ws", "sse", "stream") for s in (a, b)]
        n = 0
        for breaks, mends in ((r.kill, r.start), (r.freeze, r.thaw)):
            breaks()
            for s in (a, b):
                until("down", lambda: http(s.addr, "POST", "/pub/other", (), b"{}").status == 503)
            mends()
            for room in ("o", "p"):
                n += 1
                try_publish((a, b)[n % 2], room, n)
            for s in subs:
                check(s.name, told(s.until(at(n))), [("msg", n - 1), ("msg", n)])
        # others add while our connection is gone
        r.ask("XADD", "stream:o", "*", "data", '{"n":100}')
        r.ask("CLIENT", "KILL", "TYPE", "pubsub")
        r.ask("XADD", "stream:o", "*", "data", '{"n":101}')
        for s in subs:
            check(s.name, told(s.until(at(101))), [("msg", 100), ("msg", 101)])


def main():
    CASES[sys.argv[1]]()
    print("ok")


if __name__ == "__main__":
    main()
