"""rules.py NAME - one rule of the protocol: a function below, alone with a server of its own"""
import json, os, sys, tempfile
from rtclient import Bad, Closed, Refused, Server, Sse, Stream, Ws, http, request, Wire, read_answer, read_head


def expect(what, got, want):
    if got != want:
        raise Bad("%s: %r, not %r" % (what, got, want))


def everything():
    with Server() as s:
        wide, log = Ws(s.addr, [">"]), Ws(s.addr, ["_log"])
        brief = Sse(s.addr, ["a"])
        brief.next()
        brief.w.reset()
        expect("the record of the close", log.next().body["event"], "close")
        s.publish("b", {"n": 1})
        expect("the first message for everybody", wide.next().room, "b")


def internal():
    with Server() as s:
        for room in ("_log", "_stats", "_x"):
            a = http(s.addr, "POST", "/presence/" + room, body=b'{"user_id":"ada","type":"typing"}')
            expect("presence in " + room, a.status, 403)
        w = Ws(s.addr, ["a"])
        w.send({"_op": "presence", "_room": "a.*", "_ref": 3})
        o = w.next().body
        expect("presence of a pattern", (o["_op"], o["_ref"], o["code"]), ("error", 3, "invalid"))


def token():
    with Server() as s:
        for path in ("/ws/a", "/events/a", "/stream/a", "/poll/a", "/history/a", "/rooms", "/connections", "/presence/a",
                     "/metrics", "/healthz", "/nothing"):
            expect(path + "?token", http(s.addr, "GET", path + "?token=x").status, 501)
            expect(path + " Authorization", http(s.addr, "GET", path, ["Authorization: Bearer x"]).status, 501)
        for path in ("/pub/a", "/presence/a"):
            expect(path, http(s.addr, "POST", path + "?token=x", body=b"{}").status, 501)


def pings():
    """as often as --ping says, however long --pong is"""
    with Server("--ping", "100ms", "--pong", "1h") as s:
        w = Ws(s.addr, ["a"])
        for i in range(3):
            while True:
                f = w.take_frame()
                if f:
                    break
                w.w.fill()
            expect("frame %d" % i, f, (9, b""))
            w.w.send(w.frame(10))
        w.close()
    with Server("--ping", "50ms", "--pong", "100ms") as s:
        w, log = Ws(s.addr, ["a"]), Ws(s.addr, ["_log"])
        w.answers = False
        expect("the record", log.next().body["reason"], "no answer to a ping")
        log.close()


class Witness:
    """a WebSocket that answers its pings: what has one of its own at the same time or before has had it"""
    def __init__(self, s, room):
        self.s, self.w, self.records = s, Ws(s.addr, [room]), []

    def lets_pass(self, seconds):
        self.s.skip(seconds)
        http(self.s.addr, "GET", "/healthz")      # a turn, in which the server looks at its clock
        pinged = False
        self.w.answers = False
        while True:
            f = self.w.take_frame()
            if not f:
                self.w.w.fill()
            elif f[0] == 9 and not pinged:
                pinged = True
                self.w.w.send(self.w.frame(10, f[1]))
                self.w.send({"_op": "ping"})      # when this is answered, so is that
            elif f[0] == 1:
                o = json.loads(f[1])
                if o.get("_op") == "pong":
                    return
                self.records.append(o)


def backlog(s, room, n=400):
    a = http(s.addr, "POST", "/pub/" + room, ["Content-Type: application/x-ndjson"], b'{"x":"%s"}\n' % (b"x" * 20000) * n)
    expect("published", json.loads(a.body.splitlines()[-1]), {"accepted": n, "refused": 0})


def conn(s, w):
    found = [c for c in s.get("/connections") if c["conn"] == w.head.get("rt-conn")]
    return found[0] if found else None


def slow_pings():
    """who reads a little now and then lives, though he never comes to a ping; who stops is cut"""
    path = os.path.join(tempfile.mkdtemp(), "socket")
    with Server("--history-bytes", "64m", "--history", "100000", "-l", "unix:" + path, clock=True) as s:
        for addr in s.addr, path:
            slow = Ws(addr, ["a"], rcvbuf=4096)
            witness = Witness(s, "_log")
            backlog(s, "a")
            expect("his socket is full", conn(s, slow)["lag"] > 0, True)
            for i in range(8):
                got = 0
                while got < 65536:
                    got += len(slow.w.s.recv(4096))
                witness.lets_pass(30)
                expect("he lives, %d" % i, (conn(s, slow) is not None, witness.records), (True, []))
            for i in range(3):         # what he read last may still be on its way to the server
                witness.lets_pass(30)
            expect("cut", [(r["event"], r["code"], r["reason"]) for r in witness.records], [("close", 1006, "no answer to a ping")])
            slow.close()
            witness.w.close()


def held_pings():
    """a ping that the server holds back, behind an ack whose message the bus has yet to deliver, is not waited for"""
    with Server(bus="test", clock=True) as s:
        w = Ws(s.addr, ["a"])
        witness = Witness(s, "b")
        s.tell("lag 1000h")
        w.send({"_ref": 1, "n": 1})
        s.publish("c", {"n": 2})       # answered behind it
        for i in range(3):
            witness.lets_pass(30)
        expect("it is there", conn(s, w) is not None, True)
        s.tell("lag 0")
        expect("what it waited for", [w.next().kind, w.next().kind], ["msg", "ack"])


def posted(s, *parts):
    """the answer to a chunked POST of these parts; the last one as it is"""
    w = Wire(s.addr)
    w.send(b"POST /pub/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
    for p in parts[:-1]:
        w.send(b"%x\r\n%s\r\n" % (len(p), p))
    w.send(parts[-1])
    a = read_answer(w, "POST")
    expect("what follows the answer", w.rest(), b"")
    w.close()
    return a


def broken_bodies():
    """what was published before a body breaks has its answer; the answer is whole"""
    huge = b'{"x":"' + b"x" * 9000 + b'"}'
    end = b"0\r\n\r\n"
    with Server("--max-message", "4k") as s:
        for what, status, bad in (("too large", 413, (huge, end)), ("framing", 400, (b"zz\r\n",))):
            expect(what + " alone", posted(s, *bad).status, status)
            for good in ((b"{}",), (b"{} {}",)):
                a = posted(s, *good, *bad)
                lines = [json.loads(l) for l in a.body.splitlines()]
                n = good[0].count(b"{")
                expect(what, (a.status, len(lines), lines[-1]), (200, n + 2, {"accepted": n, "refused": 1}))
                expect(what + ": the line", lines[n].get("line"), n + 1)
        a = posted(s, b"{}", b" " * 9000, b"\n" * 9000, end)
        expect("an object and blanks", (a.status, list(json.loads(a.body))), (200, ["_id"]))


def methods():
    with Server() as s:
        for method, path, allow in (("DELETE", "/rooms", "GET, HEAD, OPTIONS"), ("POST", "/metrics", "GET, HEAD, OPTIONS"),
                                    ("PUT", "/presence/a", "GET, HEAD, POST, OPTIONS"), ("POST", "/ws/a", "GET, HEAD, OPTIONS"),
                                    ("GET", "/pub/a", "POST, PUT, OPTIONS")):
            a = http(s.addr, method, path, body=b"{}" if method[0] == "P" else None)
            expect(method + " " + path, (a.status, a.get("allow")), (405, allow))
        expect("no such resource", http(s.addr, "POST", "/nothing", body=b"{}").status, 404)


def heads():
    """HEAD is answered as GET without the body: nothing is held open, nobody is subscribed"""
    def told(a):
        """what is not of the one connection or moment"""
        return a.status, sorted((n, v) for n, v in a.headers if n != "rt-conn" and (n, path) != ("content-length", "/connections"))

    with Server() as s:
        first = s.publish("a", {"n": 1})
        watcher = Ws(s.addr, ["_log", "a"])
        s.publish("a", {"n": 2})
        gone = "0000000000000001-5"
        for path in ("/", "/healthz", "/readyz", "/rooms", "/connections", "/presence/a", "/presence/a:b", "/nothing", "/pub/a", "/ws/a",
                     "/stream/a", "/stream/a?since=" + first, "/stream/a?since=earliest", "/stream/a?since=last:1", "/stream/a?since=" + gone,
                     "/stream", "/stream/a:b", "/stream/a?since=x", "/stream/a?room=b&since=" + first, "/stream/*?since=earliest",
                     "/events/a", "/events/a?since=" + first, "/events/a?since=earliest", "/events", "/events/a?since=x",
                     "/history/a", "/history/a?limit=1", "/history/a?limit=0", "/history", "/history/none", "/history/a?since=" + gone,
                     "/poll/a", "/poll/a?since=latest", "/poll/a?since=" + first, "/poll/a?timeout=x", "/poll/a?since=" + gone):
            w = Wire(s.addr)
            w.send(request("HEAD", path))
            head = read_answer(w, "HEAD")
            if "close" not in (head.get("connection") or ""):
                w.send(request("GET", "/healthz"))
                expect("what follows HEAD " + path, read_answer(w).json(), {"ok": True})
            expect("the rest after HEAD " + path, w.buf, b"")
            w.close()
            w = Wire(s.addr)
            w.send(request("GET", path))
            expect("HEAD " + path, told(head), told(read_head(w)))
            if head.get("rt-next") or path.startswith("/events/a") and head.status == 200:
                expect("its connection's name " + path, bool(head.get("rt-conn")), True)
            w.reset()
        now = http(s.addr, "GET", "/poll/a").get("rt-next")
        a = http(s.addr, "HEAD", "/poll/a?presence=1&user_id=ada&since=" + now)
        expect("a poll that would wait", (a.status, a.get("rt-next")), (204, now))
        for path in ("/stream/a", "/events/a", "/history/a", "/poll/a"):
            http(s.addr, "HEAD", path + "?presence=1&user_id=ada")
        expect("who is present", s.get("/presence/a")["members"], [])
        a = http(s.addr, "HEAD", "/ws/a", ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                                           "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="])
        expect("a handshake is a GET", (a.status, a.get("upgrade")), (426, "websocket"))
        s.publish("a", {"n": 3})
        for item in watcher.until(lambda i: i.room == "a" and i.body.get("n") == 3):
            if item.body.get("type") or item.body.get("user_id"):
                raise Bad("somebody joined: %r" % item)


def heads_are_no_news():
    """a HEAD leaves no record of a gap, nor of a subscription"""
    with Server() as s:
        log = Ws(s.addr, ["_log"])
        s.publish("a", {"n": 1})
        before = http(s.addr, "GET", "/metrics").body
        for path in ("/stream/a", "/events/a", "/history/a", "/poll/a"):
            expect(path, http(s.addr, "HEAD", path + "?since=0000000000000001-5").status, 200)
        after = http(s.addr, "GET", "/metrics").body
        for name in (b"rt_gaps_total", b"rt_sent_total"):
            expect(name.decode(), [l for l in after.splitlines() if l.startswith(name)], [l for l in before.splitlines() if l.startswith(name)])
        brief = Sse(s.addr, ["b"])
        brief.next()
        brief.w.reset()
        item = log.next()
        expect("the first record", (item.body["event"], item.body["rooms"]), ("close", ["b"]))


def options():
    with Server() as s:
        for path, allow in (("/rooms", "GET, HEAD, OPTIONS"), ("/stream/a", "GET, HEAD, OPTIONS"), ("/ws", "GET, HEAD, OPTIONS"),
                            ("/pub/a", "POST, PUT, OPTIONS"), ("/presence/a", "GET, HEAD, POST, OPTIONS"),
                            ("*", "GET, HEAD, POST, PUT, OPTIONS"), ("/nothing", "GET, HEAD, POST, PUT, OPTIONS")):
            a = http(s.addr, "OPTIONS", path)
            expect("OPTIONS " + path, (a.status, a.get("allow")), (204, allow))


def controls():
    with Server() as s:
        w = Ws(s.addr, ["a"])
        for message, words in (
                ({"_op": "sub", "_room": "b"}, ("'sub'", "subscribe, unsubscribe, presence, ping")),
                ({"_op": "publish"}, ("'publish'", "subscribe", "without '_op'")),
                ({"_op": "x" * 5000}, ("'xxx", "…", "5000 bytes", "subscribe")),
                ({"_op": ""}, ("''", "subscribe")), ({"_op": "\u001b[2J"}, ("subscribe",)),
                ({"_op": "subscribe"}, ("'_room'", "subscribe")), ({"_op": "presence"}, ("'_room'", "presence"))):
            w.send(dict(message, _ref=1))
            o = w.next().body
            expect("the answer to %r" % message, (o["_op"], o["_ref"], o["code"]), ("error", 1, "invalid"))
            for word in words:
                if word not in o["reason"]:
                    raise Bad("%r: %r lacks %r" % (message, o["reason"], word))
            if len(o["reason"]) > 250:
                raise Bad("too long: %r" % o["reason"])
        w.close()


def newcomers():
    """who asks for something else than he means is told what to ask for"""
    with Server() as s:
        for method, path, status, words in (
                ("GET", "/ws/lobby", 426, ("WebSocket client", "/ws/lobby", "/events/lobby", "/stream/lobby", "/pub/lobby")),
                ("GET", "/ws", 426, ("WebSocket client", "/events/ROOM")),
                ("GET", "/ws?room=a", 426, ("WebSocket client", "/events/ROOM")),
                ("POST", "/ws/lobby", 405, ("POST to /pub/lobby",)), ("POST", "/events/lobby", 405, ("POST to /pub/lobby",)),
                ("PUT", "/stream", 405, ("POST to /pub/ROOM",)), ("POST", "/", 405, ("POST to /pub/ROOM",)),
                ("POST", "/poll/a%22b", 405, ("POST to /pub/ROOM",)),
                ("GET", "/pub/lobby", 405, ("publishing", "/events/lobby", "/stream/lobby")),
                ("GET", "/lobby", 404, ("/ws/lobby", "/events/lobby", "/pub/lobby")),
                ("POST", "/lobby", 404, ("/ws/lobby", "/pub/lobby")), ("GET", "/rooms/lobby", 404, ("GET / says",))):
            a = http(s.addr, method, path, body=b'{"n":1}' if method[0] == "P" else None)
            what = method + " " + path
            expect(what, (a.status, a.get("content-type"), a.json()["status"]), (status, "application/problem+json", status))
            for word in words:
                if word not in a.json().get("detail", ""):
                    raise Bad("%s: no %r in %r" % (what, word, a.body))
            if status == 426:
                expect(what, (a.get("upgrade"), a.get("connection"), a.get("sec-websocket-version")), ("websocket", "close, Upgrade", "13"))


def lease():
    """a poll that does not wait makes its user present for the ttl, not for its own moment"""
    with Server("--presence-grace", "0s", "--presence-ttl", "1h") as s:
        room = Ws(s.addr, ["a"])
        a = http(s.addr, "GET", "/poll/a?timeout=0&presence=1&user_id=ada")
        expect("the poll is not told that its own user came", a.status, 204)
        bob = Ws(s.addr, ["a"], query="user_id=bob")
        expect("ada comes", room.next().body, {"type": "user_joined", "user_id": "ada"})
        expect("bob comes", room.next().body, {"type": "user_joined", "user_id": "bob"})
        bob.close()
        expect("only bob goes", room.next().body, {"type": "user_left", "user_id": "bob"})
        expect("ada is there", [m["user_id"] for m in s.get("/presence/a")["members"]], ["ada"])
        room.close()


def vanished():
    """a poller that is gone is noticed, also where it had asked for more behind its poll"""
    with Server() as s:
        now = http(s.addr, "GET", "/poll/a").get("rt-next")
        for what, behind in (("nothing", b""), ("a request", request("GET", "/healthz")), ("many", request("GET", "/healthz") * 200)):
            w = Wire(s.addr)
            w.send(request("GET", "/poll/a?timeout=300&since=" + now) + behind)
            while not s.get("/connections"):
                pass
            w.close()
            for _ in range(2000):
                if not s.get("/connections"):
                    break
            else:
                raise Bad("%s behind the poll: it is still there" % what)
        # what is more than may wait stays with the peer
        w = Wire(s.addr)
        w.send(request("GET", "/poll/a?timeout=300&since=" + now))
        w.s.settimeout(0.2)
        n = 0
        try:
            while n < 64 << 20:
                n += w.s.send(request("GET", "/healthz") * 1000)
        except OSError:
            pass
        if n >= 64 << 20:
            raise Bad("it takes whatever comes")
        w.s.settimeout(20)
        s.publish("a", {"n": 1})
        expect("the poll", read_answer(w).status, 200)
        expect("behind it", read_answer(w).json(), {"ok": True})
        w.close()


def typing():
    """POST /presence is not echoed to the client that it names"""
    with Server() as s:
        own, other = Stream(s.addr, ["a"], query="client=me"), Stream(s.addr, ["a"])
        body = b'{"user_id":"ada","type":"typing"}'
        expect("typing", http(s.addr, "POST", "/presence/a", ["Rt-Client: me"], body).status, 200)
        s.publish("a", {"n": 1})
        expect("others", [i.body.get("type") for i in other.until(lambda i: i.kind == "msg" and "n" in i.body) if i.kind == "msg"],
               ["user_joined", "typing", None])
        expect("own", [i.body.get("type") for i in own.until(lambda i: i.kind == "msg" and "n" in i.body) if i.kind == "msg"], [None])


def overlap():
    with Server() as s:
        for kind in (Ws, Sse, Stream):
            sub = kind(s.addr, ["a", "*", ">"])
            s.publish("b", {"ready": 1})
            sub.until(lambda i: i.kind == "msg")
            for n in range(3):
                s.publish("ab"[n % 2], {"n": n})
            got = [i.body["n"] for i in sub.until(lambda i: i.kind == "msg" and i.body["n"] == 2) if i.kind == "msg"]
            expect(kind.name, got, [0, 1, 2])
            sub.close()


def slow():
    """every message was delivered or is counted as dropped"""
    total, body = 1000, b'{"x":"%s"}\n' % (b"x" * 20000)
    for policy in ("skip", "latest", "close"):
        with Server("--slow", policy, "--history", "10", "--history-bytes", "64m") as s:
            log, sub = Ws(s.addr, ["_log"]), Ws(s.addr, ["a"], rcvbuf=4096)
            s.publish("a", {"first": 1})
            sub.next()
            a = http(s.addr, "POST", "/pub/a", ["Content-Type: application/x-ndjson"], body * total)
            expect("published", json.loads(a.body.splitlines()[-1]), {"accepted": total, "refused": 0})
            s.publish("a", {"last": 1})
            got, record, c = 1, None, conn(s, sub)
            if policy == "close":      # though he does not read
                record = log.until(lambda i: i.kind == "msg" and i.body["event"] == "close")[-1].body
                expect("the record", (record["code"], conn(s, sub)), (4008, None))
            else:
                expect("what became of all while he does not read", c["sent"] + c["dropped"] + c["lag"], total + 2)
                if c["dropped"] < total / 2:
                    raise Bad("%s: %r" % (policy, c))
            try:
                while True:
                    i = sub.next()
                    got += i.kind == "msg"
                    if i.kind == "msg" and "last" in i.body:
                        break
                    if i.kind == "gap" and policy == "latest":
                        break
            except Closed as e:
                expect("the close", (policy, e.args[0]), ("close", 4008))
            sub.close()
            record = record or log.until(lambda i: i.kind == "msg" and i.body["event"] == "close")[-1].body
            if record["dropped"] == 0:
                raise Bad("%s: nothing was dropped: %r" % (policy, record))
            if policy != "close":
                expect(policy, got + record["dropped"], total + 2)
            expect("the metric", b"rt_dropped_total %d\n" % record["dropped"] in http(s.addr, "GET", "/metrics").body, True)
            log.close()
    with Server("--slow", "close", "--history", "10", "--history-bytes", "64m") as s:
        log = Ws(s.addr, ["_log"])
        for kind in (Sse, Stream):
            sub = kind(s.addr, ["a"], rcvbuf=4096)
            s.publish("a", {"first": 1})
            sub.until(lambda i: i.kind == "msg")
            backlog(s, "a", total)
            record = log.until(lambda i: i.kind == "msg" and i.body["event"] == "close")[-1].body
            expect(kind.name, (record["transport"], record["code"]), (kind.name, 4008))
            sub.close()


def counter(s, name):
    counts = dict(l.split() for l in http(s.addr, "GET", "/metrics").body.splitlines() if l[:1] != b"#")
    return int(counts[b"rt_" + name])


def until_published(s, n):
    """the bus was handed n messages, and has what it does not wait with in its log"""
    while counter(s, b"published_total") < n:
        pass
    if "delay=" not in s.query:
        end, w = Stream(s.addr, ["end"]), Ws(s.addr, ["end"])
        end.next()
        for i in range(9):       # some may be refused
            w.send({"n": i})
        end.until(lambda i: i.kind == "msg")
        end.close()
        w.close()


def pipeline(w, n, bad=7):
    """sends n messages with _ref, every bad-th one no good; what is no good"""
    w.w.send(b"".join(w.frame(1, json.dumps(dict({"_ref": i, "_dedup": "d%d" % i}, **({"_x": 1} if i % bad == 0 else {}))).encode())
                      for i in range(1, n + 1)))
    return set(range(bad, n + 1, bad))


def outcomes(w, n):
    """what each of the n was told, in their order, and the close code that follows"""
    got = []
    try:
        while True:
            i = w.next()
            if i.kind in ("ack", "error"):
                got.append((i.body["_ref"], i.body.get("code", "ack")))
    except Closed as e:
        expect("told of", [ref for ref, _ in got], list(range(1, n + 1)))
        return [code for _, code in got], e.args[0]


def bus_down():
    """the bus fails under a pipeline: everything outstanding has its outcome, in order, and then the close"""
    n = 200
    for query in ("delay=1h", "answer=1h&refuse=0.2&seed=3"):
        with Server("-v", bus="test", query=query) as s:
            w, other, sub = Ws(s.addr, ["a"]), Ws(s.addr, ["a"]), Stream(s.addr, ["b"])
            sub.next()
            bad = pipeline(w, n)
            until_published(s, n - len(bad))
            s.tell("down")
            got, code = outcomes(w, n)
            expect("the close", code, 1013)
            expect("no good", {i for i, what in enumerate(got, 1) if what == "invalid"}, bad)
            if query == "delay=1h":
                expect("the others", {what for what in got}, {"invalid", "unknown"})
            else:
                expect("the others", {what for what in got}, {"invalid", "unknown", "refused", "ack"})
            expect("the end", w.w.rest(), b"")
            expect("the record", "1013" in s.stderr() and "the bus is not available; try again" in s.stderr(), True)
            # who has nothing outstanding stays, until he publishes
            expect("who stays", sorted(c["transport"] for c in s.get("/connections")), ["stream", "ws"])
            other.send({"_ref": 1})
            expect("while it is down", outcomes(other, 1), (["unknown"], 1013))
            for command in ("set delay 0", "set answer 0", "set refuse 0", "lag 0", "up"):
                s.tell(command)
            while http(s.addr, "GET", "/readyz").status != 200:
                pass
            s.publish("b", {"n": 1})
            sub.until(lambda i: i.kind == "msg" and i.body == {"n": 1})


def unsure():
    """after an unknown outcome nothing more is read, though the bus goes on; what was read before is told"""
    n = 200
    with Server(bus="test", query="delay=100ms&unsure=0.05&seed=5") as s:
        w = Ws(s.addr, ["a"], query="echo=0")
        pipeline(w, n, n + 1)
        seen = []
        while not seen or seen[-1].kind != "error":
            seen.append(w.next())
        pipeline(w, 2 * n, 3 * n)       # more, with the same ids and others
        w.items = seen + w.items
        got, code = outcomes(w, n)
        expect("the close", code, 1013)
        expect("the outcomes", set(got), {"ack", "unknown"})
        expect("published", counter(s, b"published_total"), n)


def bus_down_posts():
    """the same for bodies of POST, sized and streamed: a line for each that was read, the sum, and the end"""
    n = 200
    body = b"".join(b'{"_x":1}\n' if i % 7 == 0 else b'{"n":%d}\n' % i for i in range(1, n + 1))
    good = n - n // 7
    nd = ["Content-Type: application/x-ndjson"]
    for sized in (True, False):
        for query in ("delay=1h", "answer=1h&refuse=0.2&seed=3"):
            with Server(bus="test", query=query) as s:
                w = Wire(s.addr)
                if sized:
                    w.send(request("POST", "/pub/a", nd, body))
                else:
                    w.send(request("POST", "/pub/a", nd + ["Transfer-Encoding: chunked"]) + b"%x\r\n%s\r\n" % (len(body), body))
                until_published(s, good)
                s.tell("down")
                a = read_answer(w, "POST")
                lines = [json.loads(l) for l in a.body.splitlines()]
                codes = [l.get("code", "ack") for l in lines[:-1]]
                expect("lines", (a.status, len(codes)), (200, n))
                expect("their numbers", [l["line"] for l in lines[:-1] if "line" in l], [i for i, c in enumerate(codes, 1) if c != "ack"])
                expect("no good", [i for i, c in enumerate(codes, 1) if c == "invalid"], list(range(7, n + 1, 7)))
                expect("codes", set(codes), {"invalid", "unknown"} if query == "delay=1h" else {"invalid", "unknown", "refused", "ack"})
                expect("the sum", lines[-1], {"accepted": codes.count("ack"), "refused": n - codes.count("ack")})
                expect("the end", w.rest(), b"")
    with Server(bus="test", query="delay=1h") as s:
        w = Wire(s.addr)
        w.send(request("POST", "/pub/a", [], b"{}") + request("GET", "/healthz"))
        until_published(s, 1)
        s.tell("down")
        a = read_answer(w, "POST")
        expect("one alone", (a.status, a.get("connection")), (503, "close"))
        expect("what was pipelined is not read", w.rest(), b"")


def drain():
    """who publishes while the server goes down has his outcomes before he is sent away"""
    n = 50
    with Server(bus="test", query="answer=1h") as s:
        w, idle = Ws(s.addr, ["a"]), Ws(s.addr, ["b"])
        pipeline(w, n, n + 1)
        until_published(s, n)
        s.proc.terminate()
        expect("who waits for nothing", outcomes(idle, 0), ([], 1012))
        s.tell("down")
        got, code = outcomes(w, n)
        expect("the close", code, 1012)
        expect("the outcomes", set(got), {"ack", "unknown"})


def refused():
    """a refusal is told with its reference, and is in the log"""
    with Server() as s:
        log, w = Ws(s.addr, ["_log"]), Ws(s.addr, ["a"], query="user_id=ada")
        for msg, ref, code in (({"_ref": 1, "_x": 1}, 1, "invalid"), ({"_ref": "r", "_ts": ""}, "r", "invalid"),
                               ({"_ref": [], "n": 1}, None, "invalid"), ({"_ref": 2, "_room": "_log"}, 2, "denied"),
                               (b"[1]", None, "invalid"), ({"_ref": 3, "_room": "a..b"}, 3, "invalid")):
            w.send(msg)
            o = w.next().body
            expect("told", (o["_op"], o.get("_ref"), o["code"]), ("error", ref, code))
            r = log.next().body
            expect("record", (r["event"], r["user_id"], r["transport"], r["code"], r["reason"]),
                   ("refused", "ada", "ws", code, o["reason"]))
        expect("posted", http(s.addr, "POST", "/pub/a", body=b"{").status, 400)
        expect("record", log.next().body["transport"], "pub")
        log.close()
        w.close()


def references():
    """whoever gives a reference gets it back, in whatever answers"""
    with Server() as s:
        w = Ws(s.addr, ["a"])
        def answer(ref, **message):
            w.send(dict(message, _ref=ref))
            o = w.next().body
            return o["_op"], o.get("_ref")
        expect("ping", answer(1, _op="ping"), ("pong", 1))
        expect("subscribe", answer("s1", _op="subscribe", _room="b"), ("subscribed", "s1"))
        expect("a pattern", answer(2.5, _op="subscribe", _room="c.*", since="earliest"), ("subscribed", 2.5))
        expect("presence", answer("p", _op="presence", _room="b"), ("presence", "p"))
        expect("unsubscribe", answer(-1, _op="unsubscribe", _room="b"), ("unsubscribed", -1))
        expect("again", answer("s2", _op="subscribe", _room="b"), ("subscribed", "s2"))
        expect("twice", answer("s3", _op="subscribe", _room="b"), ("error", "s3"))
        expect("the longest", answer("x" * 38, _op="ping"), ("pong", "x" * 38))
        for op in "ping", "presence", "unsubscribe", "subscribe":
            w.send({"_op": op, "_room": "b"})
            expect(op + " without", "_ref" in w.next().body, False)
        # many at once: each has its own, and what ends before it began leaves nothing behind
        for i in range(50):
            w.send({"_op": "subscribe", "_room": "m%d" % i, "_ref": i})
        w.send({"_op": "unsubscribe", "_room": "m7", "_ref": "u"})
        want, got = set(range(50)) - {7} | {"u"}, []     # 7 only where it began before it ended
        while not want <= {o["_ref"] for o in got}:
            got.append(w.next().body)
        for o in got:
            expect("its own", (o["_op"], o["_room"]), ("unsubscribed", "m7") if o["_ref"] == "u" else ("subscribed", "m%d" % o["_ref"]))
        expect("each once", len(got), len({o["_ref"] for o in got}))
        w.close()


def made_by_the_server():
    """nobody but the server says who came and who left"""
    with Server() as s:
        w = Ws(s.addr, ["a"], query="user_id=ada")
        for kind in "user_joined", "user_left":
            w.send({"type": kind, "user_id": "bob", "_ref": kind})
            o = w.next().body
            expect(kind, (o["_op"], o["_ref"], o["code"], kind in o["reason"]), ("error", kind, "denied", True))
            expect(kind + " posted", http(s.addr, "POST", "/pub/a", body=b'{"type":"%s"}' % kind.encode()).status, 403)
        w.send({"type": "typing", "_ref": 1})
        expect("typing is the client's", w.next().kind, "ack")
        bob = Ws(s.addr, ["a"], query="user_id=bob")
        expect("the server's own comes", w.next().body, {"type": "user_joined", "user_id": "bob"})
        w.close(), bob.close()


def idle():
    """a server that nobody talks to sleeps: it does not look ten times a second whether there is something to do"""
    def switches():
        with open("/proc/%d/status" % s.proc.pid) as f:
            return int([l for l in f if l.startswith("voluntary_ctxt")][0].split()[1])
    with Server() as s:
        w = Ws(s.addr, ["a"], query="user_id=ada")       # present, and pinged in half a minute
        now = http(s.addr, "GET", "/poll/a").get("rt-next")
        before = switches()
        expect("two seconds of the server's", http(s.addr, "GET", "/poll/a?timeout=2&since=" + now).status, 204)
        n = switches() - before
        if n > 20:
            raise Bad("it woke %d times" % n)
        w.close()


def rate():
    """a publisher over its rate is not read for a while: all arrives, nothing is refused, others go on"""
    with Server("--publish-rate", "50/s") as s:
        sub, w, n = Ws(s.addr, ["a"]), Ws(s.addr, ["a"], query="echo=0"), 120
        w.w.send(b"".join(w.frame(1, json.dumps({"_ref": i, "n": i}).encode()) for i in range(n)))
        s.publish("b", {"n": 1})
        expect("acks", [i.body["_ref"] for i in w.until(lambda i: i.body.get("_ref") == n - 1)], list(range(n)))
        expect("messages", [i.body["n"] for i in sub.until(lambda i: i.body["n"] == n - 1)], list(range(n)))
        a = http(s.addr, "POST", "/pub/a", ["Content-Type: application/x-ndjson"], b'{"n":1}\n' * n)
        expect("a stream", json.loads(a.body.splitlines()[-1]), {"accepted": n, "refused": 0})
        counts = dict(l.split() for l in http(s.addr, "GET", "/metrics").body.splitlines() if l[:1] != b"#")
        if int(counts[b"rt_publish_throttled_total"]) < 2:
            raise Bad("it was never stopped")
        for c in sub, w:
            c.close()


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
    except Refused as e:
        sys.exit("FAILED %s: %s" % (sys.argv[1], e))
    except Bad as e:
        sys.exit("FAILED %s: %s" % (sys.argv[1], e))
