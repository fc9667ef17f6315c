"""limits.py NAME - what the limits of rt-serve do to who is over them, and to nobody else"""
import json, re, signal, socket, struct, sys
from rtclient import Bad, Closed, Server, Stream, Wire, Ws, http, read_answer, read_head, request

UPGRADE = ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]


class From(Wire):
    """a connection from an address of this machine"""
    def __init__(self, source, addr):
        self.s = socket.socket()
        self.s.bind((source, 0))
        self.s.settimeout(20)
        self.s.connect(addr)
        self.buf, self.seen = b"", None

    def ask(self, *args, **kw):
        self.send(request(*args, **kw))
        return read_answer(self)


def expect(what, got, want):
    if got != want:
        raise Bad("%s: %r, not %r" % (what, got, want))


def metric(s, name):
    for line in http(s.addr, "GET", "/metrics").body.decode().split("\n"):
        if line.startswith("rt_%s " % name):
            return int(line.split()[1])
    raise Bad("no metric %s" % name)


def refused(what, w, status):
    """the whole answer, and then the end without a reset"""
    a = read_answer(w)
    expect(what, (a.status, a.get("content-type"), a.get("connection")), (status, "application/problem+json", "close"))
    expect(what + ": inside", a.json()["status"], status)
    if not a.json()["detail"] or not 1 <= int(a.get("retry-after")) <= 60:
        raise Bad("%s: %r %r" % (what, a.headers, a.body))
    try:
        while True:
            w.fill()
    except Closed as e:
        expect(what + ": the end", e.args, (0, "end"))
    expect(what + ": nothing more", w.buf, b"")
    w.close()
    return a


def until(what, condition):
    for _ in range(2000):   # each try asks the server
        if condition():
            return
    raise Bad("never: " + what)


def connections():
    """so many of an address at a time; the next one is told, and who is at another address notices nothing"""
    with Server("--address-connections", "8") as s:   # what asks from 127.0.0.1 stays below it
        log = Stream(s.addr, ["_log"])
        log.next()
        held = [From("127.0.0.2", s.addr) for _ in range(8)]
        for w in held:
            expect("below the limit", w.ask("GET", "/healthz").status, 200)
        for what, raw in (("GET", request("GET", "/healthz")), ("HEAD of what is not there", request("GET", "/nothing")),
                          ("upgrade", request("GET", "/ws/a", UPGRADE)), ("events", request("GET", "/events/a")),
                          ("a body that is still sent", request("POST", "/pub/a", ["Content-Length: 400000"]) + b"x" * 400000),
                          ("two at once", request("GET", "/healthz") * 2)):
            w = From("127.0.0.2", s.addr)
            w.send(raw)
            refused(what, w, 429)
        w = From("127.0.0.2", s.addr)
        w.send(request("GET", "/healthz", ["Origin: http://localhost"]))
        expect("a page may read it", refused("CORS", w, 429).get("access-control-allow-origin"), "http://localhost")
        silent = From("127.0.0.2", s.addr)
        w = From("127.0.0.3", s.addr)
        expect("another address", w.ask("GET", "/healthz").status, 200)
        w.close()
        expect("who is there", held[0].ask("GET", "/healthz").status, 200)
        refused("who says nothing", silent, 429)
        expect("the metric", metric(s, "address_connections_refused_total"), 8)
        record = log.next().body
        expect("a record", record, {"event": "limited", "address": "127.0.0.2", "limit": "address-connections", "count": 1})
        http(s.addr, "POST", "/pub/a", body=b"{")
        expect("the others wait for the end of the period", log.next().body["event"], "refused")
        held[0].close()
        def again():
            w = From("127.0.0.2", s.addr)
            status = w.ask("GET", "/healthz").status
            w.close()
            return status == 200
        until("room again", again)
        for w in held:
            w.close()
        until("the address is forgotten but for its record", lambda: metric(s, "addresses") <= 2)


def mapped():
    """an IPv4 address is the same through a socket of IPv6, and ::1 is another"""
    with Server("-l", "[::1]:0", "--address-connections", "1") as s:
        six = ("::1", int(s.ready["listen"][1].rsplit(":", 1)[1]))
        class Six(From):
            def __init__(self):
                self.s = socket.socket(socket.AF_INET6)
                self.s.settimeout(20)
                self.s.connect(six)
                self.buf, self.seen = b"", None
        a, four = Six(), From("127.0.0.2", s.addr)
        expect("the first of ::1", a.ask("GET", "/healthz").status, 200)
        expect("and of 127.0.0.2", four.ask("GET", "/healthz").status, 200)
        b = Six()
        b.send(request("GET", "/healthz"))
        refused("the second", b, 429)
        a.close(), four.close()
    with Server("-l", ":0", "--address-connections", "1") as s:
        any_ = ("127.0.0.1", int(s.ready["listen"][1].rsplit(":", 1)[1]))
        a, b = From("127.0.0.2", s.addr), From("127.0.0.2", any_)
        expect("one", a.ask("GET", "/healthz").status, 200)
        b.send(request("GET", "/healthz"))
        refused("the same through the other socket", b, 429)
        a.close()


def unix():
    """a unix socket has no addresses, so no limit"""
    import os, tempfile
    path = os.path.join(tempfile.mkdtemp(dir=os.environ.get("TMPDIR")), "s")
    with Server("-l", "unix:" + path, "--address-connections", "1", "--address-request-rate", "1/m") as s:
        held = []
        for _ in range(5):
            w = Wire.__new__(Wire)
            w.s, w.buf, w.seen = socket.socket(socket.AF_UNIX), b"", None
            w.s.settimeout(20)
            w.s.connect(path)
            w.send(request("GET", "/healthz") * 3)
            expect("unlimited", [read_answer(w).status for _ in range(3)], [200] * 3)
            held.append(w)


def requests():
    """over its rate of requests an address is told when to come back, on whatever connection"""
    with Server("--address-request-rate", "2/m", wait=False) as s:
        log = Stream(s.addr, ["_log"])       # from 127.0.0.1, whose one request this is
        log.next()
        w = From("127.0.0.2", s.addr)
        expect("the first", w.ask("GET", "/healthz").status, 200)
        w.send(request("GET", "/healthz"))
        again = int(refused("the second on it", w, 429).get("retry-after"))
        if again < 20:
            raise Bad("it may come again in %d s" % again)
        for what, raw in (("on another", request("GET", "/healthz")), ("an upgrade", request("GET", "/ws/a", UPGRADE)),
                          ("publishing", request("POST", "/pub/a", ["Content-Length: 400000"]) + b"x" * 400000)):
            w = From("127.0.0.2", s.addr)
            w.send(raw)
            refused(what, w, 429)
        w = From("127.0.0.3", s.addr)
        expect("another address", w.ask("GET", "/healthz").status, 200)
        w.close()
        expect("a record", log.next().body, {"event": "limited", "address": "127.0.0.2", "limit": "address-request-rate", "count": 1})
        w = From("127.0.0.4", s.addr)
        text = w.ask("GET", "/metrics").body.decode()
        expect("the metric", "\nrt_address_requests_refused_total 4\n" in text, True)
        expect("what is remembered", "\nrt_addresses 4\n" in text, True)


def publications():
    """the connections of an address are not read while it is ahead of its rate of messages; nothing is refused"""
    def post(w):
        w.send(request("POST", "/pub/a", body=b"{}"))
    with Server("--address-publish-rate", "12/m") as s:
        one, two, other = From("127.0.0.2", s.addr), From("127.0.0.2", s.addr), From("127.0.0.3", s.addr)
        post(one)
        expect("the first", read_answer(one).status, 200)
        post(two)                            # in five seconds
        until("it is stopped before its message", lambda: metric(s, "publish_throttled_total") == 2)
        expect("only one is published", metric(s, "published_total"), 1)
        post(other)
        expect("another address", read_answer(other).status, 200)
        expect("in its turn", read_answer(two).status, 200)
        expect("nothing was refused", metric(s, "publish_refused_total"), 0)
        for w in one, two, other:
            w.close()


def full():
    """over --max-connections: the whole answer, and no more files than there are"""
    with Server("--max-connections", "3") as s:
        held = []
        while len(held) < 3:                 # what asked before may not be gone at once
            w = Wire(s.addr)
            w.send(request("GET", "/stream/a"))
            if read_head(w).status == 200:
                held.append(w)
        for i in range(100):
            w = Wire(s.addr)
            w.send(request("POST", "/pub/a", ["Content-Length: 300000"]) + b"x" * 300000)
            refused("one after the other", w, 503)
        many = [Wire(s.addr) for _ in range(300)]
        for w in many:
            try:
                w.send(request("GET", "/healthz"))
            except OSError:
                pass
        told = 0
        for w in many:
            try:
                expect("whatever comes is whole", read_answer(w).json()["status"], 503)
                told += 1
            except (Closed, OSError):
                pass
            w.close()
        if told < 32:
            raise Bad("only %d of 300 at once were told" % told)
        for w in held:
            w.close()
        until("room again", lambda: served(s))
        if metric(s, "connections_refused_total") < 400:
            raise Bad("not all are counted")


def served(s):
    try:
        return http(s.addr, "GET", "/healthz").status == 200
    except (Bad, Closed, OSError):
        return False


def files():
    """who is refused and stays takes no file that another needs"""
    s = Server(files=128)
    most = s.ready["max_connections"]
    expect("what the files allow", most, 64)
    sub = Stream(s.addr, ["a"])
    sub.next()
    publisher = Wire(s.addr)
    publisher.send(request("GET", "/healthz"))
    read_answer(publisher)
    held = [Wire(s.addr) for _ in range(600)]
    for i in range(5):
        publisher.send(request("POST", "/pub/a", body=b'{"n":%d}' % i))
        expect("published", read_answer(publisher).status, 200)
        expect("delivered", sub.next().body, {"n": i})
    for w in held:
        w.close()
    until("room again", lambda: served(s))
    expect("it never ran out", s.stderr(), "")
    publisher.close(), sub.close()
    s.stop()


def reload():
    """limits are read again; who was there before counts"""
    import os, signal, tempfile
    conf = os.path.join(tempfile.mkdtemp(dir=os.environ.get("TMPDIR")), "conf")
    def write(text):
        with open(conf, "w") as f:
            f.write(text)
    write("history 5\n")
    with Server("--config", conf) as s:
        a, b = From("127.0.0.2", s.addr), From("127.0.0.2", s.addr)
        for w in a, b:
            expect("no limit", w.ask("GET", "/healthz").status, 200)
        write("address-connections 2\n")
        s.signal(signal.SIGHUP)
        def limited():
            w = From("127.0.0.2", s.addr)
            status = w.ask("GET", "/healthz").status
            w.close()
            return status == 429
        until("limited", limited)
        expect("who was there stays", a.ask("GET", "/healthz").status, 200)
        write("address-request-rate 1/m\n")
        s.signal(signal.SIGHUP)
        until("limited by rate", lambda: From("127.0.0.5", s.addr).ask("GET", "/healthz").status == 429)
        write("")
        s.signal(signal.SIGHUP)
        until("unlimited", lambda: not limited())
        a.close(), b.close()


def lists():
    """long answers, or the search for short ones, are no reason to let others wait"""
    with Server() as s:
        rooms = b"".join(b'{"_room":"r%d"}\n' % i for i in range(3000))
        expect("published", http(s.addr, "POST", "/pub", (), rooms).status, 200)
        for what in request("HEAD", "/rooms"), request("GET", "/rooms?match=nothing.*"):
            before = metric(s, "requests_total")
            s.signal(signal.SIGSTOP)
            many, one = Wire(s.addr), Wire(s.addr)
            many.send(what * 200)
            one.send(request("GET", "/metrics"))
            s.signal(signal.SIGCONT)
            served = int(re.search(rb"\nrt_requests_total ([0-9]+)", read_answer(one).body).group(1)) - before
            if served > 100:
                raise Bad("%r: %d requests came first" % (what, served))
            many.close(), one.close()


def patterns():
    """each costs a cursor in every room: so many of a connection, and all together no more than half of the memory"""
    with Server("--max-patterns", "2") as s:
        ws = Ws(s.addr, ["a.*"])
        ws.ask({"_op": "subscribe", "_room": "b.*"})
        ws.control_until("subscribed")
        ws.ask({"_op": "subscribe", "_room": "c.*", "_ref": "x"})
        e = ws.until(lambda i: i.kind == "error")[-1].body
        expect("a third", (e["code"], e["_ref"]), ("too_large", "x"))
        if "2 patterns" not in e["reason"]:
            raise Bad(e)
        ws.ask({"_op": "subscribe", "_room": "c"})
        ws.control_until("subscribed")
        ws.ask({"_op": "unsubscribe", "_room": "b.*"})
        ws.control_until("unsubscribed")
        ws.ask({"_op": "subscribe", "_room": "c.*"})
        expect("one left", ws.control_until("subscribed")[-1].room, "c.*")
        ws.close()
        expect("in the query", http(s.addr, "GET", "/stream?room=a.*&room=b.*&room=c.*").status, 413)
    with Server("--max-patterns", "0") as s:
        expect("none", http(s.addr, "GET", "/events?room=>").status, 413)
    with Server("--memory", "32m", "--max-patterns", "40") as s:
        rooms = b"".join(b'{"_room":"a.b.c.d.e.f%d","n":1}\n' % i for i in range(6000))
        expect("published", http(s.addr, "POST", "/pub", (), rooms).status, 200)
        names = [".".join("*" if m >> k & 1 else c for k, c in enumerate("abcde")) + ".*" for m in range(32)] + [
                 "a.b.c.d.>", "a.b.c.>", "a.b.>", "a.>", ">", "*.b.>", "*.*.>", "*.*.*.>"]
        ws = Ws(s.addr, names)
        def begun():
            ws.ask({"_op": "ping"})
            return "_id" in ws.control_until("pong")[-1].body
        until("all have begun", begun)
        expect("rooms", metric(s, "rooms"), 6000)
        a = http(s.addr, "GET", "/stream?room=one.more")
        expect("over the memory", (a.status, a.get("retry-after")), (503, "2"))
        ws.close()
        until("room again", lambda: Stream(s.addr, ["one.more"]))


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
    except (Bad, Closed) as e:
        sys.exit("FAILED %s: %s" % (sys.argv[1], e))
