#!/usr/bin/env python3
"""paths.py BUS TRANSPORT - one table of ways to subscribe, and what each must be told

    {fresh, resume, trimmed, epoch, ahead} x {one room, many rooms, pattern} x {meta 1, 0}   and the places that `since` can name

Every cell makes its rooms, publishes, subscribes, and compares all that it is told, to the last field, with what the rules say."""
import contextlib, sys, time
from redis_server import *
from rtclient import *

KEPT = 4            # of each room, in memory
OTHER = "00000000deadbeef-77"


class Cell:
    def __init__(self, server, transport, where, shape, meta):
        self.server, self.transport, self.where, self.shape, self.meta = server, transport, where, shape, meta
        self.name = "%s %s %s meta=%d %s" % (transport, where, shape, meta, server.bus)
        base = "%s%s%s%d" % (transport, where, shape, meta)
        self.names = [base] if shape == "one" else [base + ".a", base + ".b", base + ".c"]
        self.rooms = [base + ".*"] if shape == "pattern" else self.names
        self.sent = []        # (room, id, payload), in order
        self.n = 0

    def publish(self, times=1):
        for _ in range(times):
            for room in self.names:
                self.n += 1
                body = {"n": self.n, "text": "é\\u0000\"\\n", "f": 1.50}
                raw = b'{"n":%d,"text":"\xc3\xa9\\\\u0000\\"","f":1.50}' % self.n
                id = self.server.publish(room, raw=raw)
                self.sent.append((room, id, raw))

    def check(self, what, got, want):
        if got != want:
            raise Bad("%s: %s\n      got  %r\n      want %r" % (self.name, what, got, want))

    def floor(self, room):
        """what is below the oldest kept of that room, in memory; None: nothing was dropped"""
        of = [id for r, id, _ in self.sent if r == room]
        return of[-KEPT - 1] if len(of) > KEPT else None

    def oldest(self, room, after=None):
        of = [id for r, id, _ in self.sent if r == room and (after is None or order(id) > order(after))]
        return of[0] if of else None

    # -- what is expected: since, gaps {room: (after, [at...], reason)}, messages, start positions

    def expect(self):
        s = self.server
        least = min((self.floor(r) or "" for r in self.names), key=lambda p: order(p) if p else (0, 0))
        ids = [id for _, id, _ in self.sent]
        if self.where == "fresh":
            return None, {}, [], None
        if self.where == "resume":
            since = self.sent[-len(self.names) * 2 - 1][1]
            return since, {}, [m for m in self.sent if order(m[1]) > order(since)], since
        if self.where == "deep":                       # below the rings: the bus replays it
            since = self.sent[0][1]
            if s.replays:
                return since, {}, self.sent[1:], since
            return since, self.history(since), self.kept(), since
        if self.where == "trimmed":
            since = self.sent[0][1]
            if not s.replays:
                return since, self.history(since), self.kept(), since
            if s.bus == "redis+stream":
                last = {}
                for r in self.names:
                    s.redis.ask("XTRIM", "stream:" + r, "MAXLEN", "=", KEPT + 2)
                    last[r] = [id for room, id, _ in self.sent if room == r][-KEPT - 3]
                most = max(last.values(), key=order)
                gaps = {r: (since, last.get(r, most), "history") for r in self.rooms}
                return since, gaps, [m for m in self.sent if order(m[1]) > order(last[m[0]])], since
            trimmed, _ = s.tell("trim %d" % (len(self.names) * (KEPT + 2)))
            gaps = {r: (since, trimmed, "history") for r in self.rooms}
            return since, gaps, [m for m in self.sent if order(m[1]) > order(trimmed)], since
        if self.where == "epoch" and s.bus == "redis":      # positions are the instance's: anything but the head would double
            return OTHER, {r: (OTHER, None, "epoch") for r in self.rooms}, [], "at"
        if self.where == "epoch":
            if self.shape == "pattern":
                return OTHER, None, None, None
            gaps = {r: (OTHER, self.floor(r), "epoch") for r in self.names}
            return OTHER, gaps, self.kept(), {r: self.floor(r) for r in self.names}
        if self.where == "ahead":
            e, (hi, lo) = pos_key(ids[-1])
            since = "%s-%d-%d" % (e, hi + 10000000, 5) if hi else "%s-%d" % (e, lo + 100000)
            return since, {r: (since, None, "bus") for r in self.rooms}, [], "at"

    def history(self, since):
        return {r: (since, self.floor(r), "history") for r in self.names}

    def kept(self):
        return [m for m in self.sent if order(m[1]) > order(self.floor(m[0]))]

    def run(self):
        self.publish(KEPT + 6)
        settle(self.server, self.sent[-1][1])
        self.floors = {r: self.floor(r) for r in self.names}
        since, gaps, messages, start = self.expect()
        query = "meta=%d" % self.meta if self.transport == "ws" else ""
        sub = TRANSPORTS[self.transport](self.server.addr, self.rooms, since, query)
        items = []
        if self.transport == "poll" and since is None:      # 204 with the head at once; what comes later is for the next
            items = [sub.next()]
            self.check("a poll without since", (items[0].status, items[0].kind), (204, "position"))
        else:
            items = self.begin(sub)
        self.live_from = len(self.sent)
        self.publish(2)
        want = None if messages is None else messages + self.sent[self.live_from:]
        last = self.sent[-1]
        items += sub.until(lambda i: i.kind == "msg" and i.raw.endswith(last[2][1:]))
        # a position that ends the turn may follow
        sub.close()
        self.judge(items, since, gaps, want, start)

    def begin(self, sub):
        """what comes by itself before anything new is published: enough of it to know that the subscription stands"""
        if self.transport == "ws" and not self.announced(sub):
            sub.ask({"_op": "ping"})
            return [i for i in sub.until(lambda i: i.body and i.body.get("_op") == "pong") if i.kind != "other"]
        got = []
        starts = 0
        while True:
            i = sub.next()
            got.append(i)
            if i.kind == "start":
                starts += 1
                if starts == (len(self.rooms) if self.transport == "ws" else 1):
                    return got
            elif self.transport == "sse" and i.id is not None:
                return got
            elif self.transport == "poll" and i.kind == "position":
                return got

    def announced(self, sub):
        return sub.since is not None or self.meta

    def judge(self, items, since, gaps, want, start):
        bare = self.transport == "ws" and not self.meta
        msgs = [i for i in items if i.kind == "msg"]
        if want is None:
            want = self.pattern_epoch(items, msgs)
        self.check("messages", [i.raw if bare else i.body for i in msgs], [m[2] if bare else parse_json(m[2]) for m in want])
        if not bare:
            self.check("ids", [i.id for i in msgs], [m[1] for m in want])
            self.check("rooms", [i.room for i in msgs], [m[0] for m in want])
            for i in msgs:
                if self.transport in ("ws", "stream", "poll") and not (b'"_ts":' in i.raw and abs(i.meta["_ts"] / 1000 - time.time()) < 600):
                    raise Bad("%s: _ts of %r" % (self.name, i))
                payload = [m[2] for m in want if m[1] == i.id][0]
                if not i.raw.endswith(payload[1:]):
                    raise Bad("%s: not byte for byte: %r" % (self.name, i.raw))
        if gaps is not None:
            self.gaps(items, gaps)
        self.positions(items, since, gaps, start, want)

    def gaps(self, items, gaps):
        told = [i for i in items if i.kind == "gap"]
        self.check("rooms with gaps", sorted(i.room for i in told), sorted(gaps))
        for g in told:
            after, at, reason = gaps[g.room]
            self.check("gap", (g.body["after"], g.body["reason"]), (after, reason))
            if at is not None:
                self.check("at", g.body["at"], at)
            elif order(g.body["at"]) < order(self.sent[self.live_from - 1][1]) or order(g.body["at"]) >= order(self.sent[self.live_from][1]):
                raise Bad("%s: at %s is not the head" % (self.name, g.body["at"]))
            if "next" in g.body:
                self.check("next", g.body["next"], self.oldest(g.room, g.body["at"]))
            first = next((n for n, i in enumerate(items) if i.kind == "msg" and (i.room is None or covers(g.room, i.room))), len(items))
            if items.index(g) > first:
                raise Bad("%s: a message before its gap" % self.name)

    def pattern_epoch(self, items, msgs):
        """The floor under rooms that are not in memory is not for us to know: the gap says it, what lies above must come or be told."""
        told = [i for i in items if i.kind == "gap"]
        g = told[0].body
        self.check("the first gap", (told[0].room, g["after"], g["reason"]), (self.rooms[0], OTHER, "epoch"))
        rest = {r: g["at"] for r in self.names}
        for i in told[1:]:
            self.check("a gap after it", (i.room in self.names, i.body["reason"], i.body["after"], i.body["at"]),
                       (True, "history", g["at"], self.floors.get(i.room)) if not self.server.replays else
                       (False, "history", g["at"], i.body["at"]))
            for r in self.names:
                rest[r] = i.body["at"] if covers(i.room, r) else rest[r]
        return [m for m in self.sent if order(m[1]) > order(rest[m[0]])]

    def positions(self, items, since, gaps, start, want):
        """starts, and that no position is ahead of what was told"""
        head_least = order(self.sent[self.live_from - 1][1])
        head_most = order(self.sent[self.live_from][1])
        starts = [i for i in items if i.kind == "start"]
        for s in starts:
            if since is None or start == "at":
                inside = head_least <= order(s.start) < head_most
                if self.transport == "stream" and start == "at":
                    inside = s.start == since      # the gap is still to come
                if not inside:
                    raise Bad("%s: the start %s is not the head" % (self.name, s.start))
            elif self.transport == "stream":
                self.check("Rt-Next", s.start, since)
            elif start is not None:
                self.check("subscribed", s.start, start[s.room] if isinstance(start, dict) else start)
        if self.transport == "ws" and (since is not None or self.meta):
            self.check("subscribed for", sorted(s.room for s in starts), sorted(self.rooms))
        if self.transport == "ws" and since is None and not self.meta and starts:
            raise Bad("%s: subscribed without being asked" % self.name)
        if self.transport == "sse":
            first = items[0]
            if gaps == {} and (first.kind != "position" or since is not None and first.id != since):
                raise Bad("%s: no bare id block in front: %r" % (self.name, items[:3]))
            for n, g in enumerate(items):
                if g.kind == "gap" and len(self.names) == 1:
                    self.check("id: of the gap", g.id, g.body["at"])
        ledger = Ledger(self.name, self.rooms, self.epochs())
        for i in items:
            if i.kind == "start" and i.id and gaps:
                continue      # Rt-Next with a gap yet to come: what the client came with
            ledger.take(i)
        if ledger.problems:
            raise Bad("\n".join(ledger.problems))

    def epochs(self):
        e = Epochs()
        e.add(OTHER)
        e.add(self.sent[0][1])
        return e


def settle(server, id):
    """an acknowledged message may still be on its way to the instance: not so here"""
    while order(http(server.addr, "GET", "/poll/settled").get("rt-head")) < order(id):
        pass


# --- other places that since can name ----------------------------------------------------------------------------------------

def read_all(server, transport, rooms, since, until, query="", headers=()):
    sub = TRANSPORTS[transport](server.addr, rooms, since, query, headers)
    got = sub.until(until)
    sub.close()
    return sub, got


def bodies(items):
    return [i.body for i in items if i.kind == "msg"]


def check(what, got, want):
    if got != want:
        raise Bad("%s\n      got  %r\n      want %r" % (what, got, want))


def places(server, transport):
    room = "places" + transport
    ids = []
    for n in range(10):
        ids.append(server.publish(room, {"n": n}))
    settle(server, ids[-1])
    end = lambda i: i.kind == "msg" and i.body.get("n") == 9
    have = list(range(10)) if server.replays else list(range(6, 10))
    for since, want in (("earliest", have), ("last:2", [8, 9]), ("last:1000", have), ("1h", have), ("1970-01-02T00:00:00Z", have),
                        (ids[7], [8, 9]), (ids[8], [9])):
        sub, got = read_all(server, transport, [room], since, end)
        check("%s since=%s" % (transport, since), [b["n"] for b in bodies(got)], want)
        check("%s since=%s makes no gap" % (transport, since), [i for i in got if i.kind == "gap"], [])
    # a place before the first entry that was chosen is a start from which nothing chosen is missing
    for since in ("last:2", "earliest", "1h"):
        if transport == "poll":
            continue
        sub = TRANSPORTS[transport](server.addr, [room], since)
        first = sub.next()
        start = first.id or first.start
        sub.close()
        sub, got = read_all(server, transport, [room], start, end)
        check("%s the start of %s resumes" % (transport, since), [b["n"] for b in bodies(got)], [8, 9] if since == "last:2" else have)
    for since in ("", "nonsense", "last:", "last:-1", "10", "0000-1", "00000000deadbeef-01", "00000000DEADBEEF-1", "%00", "00000000deadbeef-0-1"):
        try:
            TRANSPORTS[transport](server.addr, [room], since).next()
            raise Bad("since=%r is taken" % since)
        except Refused as r:
            check("since=%r" % since, (r.answer.status, r.answer.get("content-type")), (400, "application/problem+json"))
    for rooms in (["a:b"], ["-a"], ["a..b"], [".a"], ["a."], ["a.>.b"], ["x" * 129], [".".join("abcdefghijklmnopq")]):
        try:
            TRANSPORTS[transport](server.addr, rooms).next()
            raise Bad("room %r is taken" % rooms)
        except Refused as r:
            check("room %r" % rooms, r.answer.status, 400)
    if transport == "sse":
        for headers, query in ((["Last-Event-ID: " + ids[7]], ""), ([], "last_event_id=" + ids[7]), ([], "lastEventId=" + ids[7]),
                               (["Last-Event-ID: " + ids[7]], "since=" + ids[2])):
            sub, got = read_all(server, "sse", [room], None, end, query, headers)
            check("%r %r" % (headers, query), [b["n"] for b in bodies(got)], [8, 9])
        for bad in ("rubbish", "1234", "x" * 300):
            # (on Pub/Sub it goes on at the head)
            told = end if server.bus != "redis" else lambda i: i.kind == "gap"
            sub, got = read_all(server, "sse", [room], None, told, "", ["Last-Event-ID: " + bad])
            check("Last-Event-ID: %s is a gap" % bad, [(i.kind, i.body.get("reason")) for i in got[:1]], [("gap", "epoch")])


def echo(server, transport):
    """what a client published itself does not come back to it with echo=0, live or replayed"""
    room = "echo" + transport
    first = server.publish(room, {"n": 0})
    mine = ["Rt-Client: me"]
    for n in range(1, 13):
        last = server.publish(room, {"n": n}, headers=mine if n % 2 else [])
    settle(server, last)
    end = lambda i: i.kind == "msg" and i.body.get("n") == 12
    low = 0 if server.replays else 8
    sub, got = read_all(server, transport, [room], first, end, "echo=0&client=me")
    check(transport + " echo=0", [b["n"] for b in bodies(got)], [n for n in range(1, 13) if n % 2 == 0 and n > low])
    sub, got = read_all(server, transport, [room], first, end, "client=me")
    check(transport + " echo", [b["n"] for b in bodies(got)], [n for n in range(1, 13) if n > low])


def keys(server, transport):
    """of a key at least the newest, in order; superseded ones may be missing"""
    room = "keys" + transport
    first = server.publish(room, {"n": 0})
    for n in range(1, 13):
        last = server.publish(room, {"_key": "k%d" % (n % 3), "n": n})
    settle(server, last)
    end = lambda i: i.kind == "msg" and i.body.get("n") == 12
    sub, got = read_all(server, transport, [room], first, end)
    ns = [b["n"] for b in bodies(got)]
    if ns != sorted(set(ns)) or not set(ns) >= {10, 11, 12}:
        raise Bad("%s keys: %r" % (transport, ns))
    if not server.replays:
        check(transport + " keys", ns, [10, 11, 12])


def history(server):
    room = "historic"
    ids = [server.publish(room, {"n": n}) for n in range(60)]
    settle(server, ids[-1])
    for query, want in (("", range(60)), ("limit=3", range(3)), ("since=last:5", range(55, 60)), ("since=%s" % ids[40], range(41, 60)),
                        ("since=%s&limit=50" % ids[1], range(2, 52)), ("since=latest", [])):
        a = http(server.addr, "GET", "/history/%s?%s" % (room, query))
        if not server.replays and query in ("", "limit=3", "since=%s&limit=50" % ids[1], "since=%s" % ids[40], "since=last:5"):
            continue
        check("history " + query, (a.status, [l["n"] for l in a.lines()]), (200, list(want)))
        check("history " + query + " Rt-Next", a.get("rt-next") in (ids[want[-1]] if len(want) else ids[-1], a.get("rt-head")), True)


def running(server, transport):
    """a hole, another epoch and a bus that goes away, told to who is subscribed"""
    room = "running" + transport
    before = server.publish(room, {"n": 0})
    sub = TRANSPORTS[transport](server.addr, [room], before)
    first = sub.next() if transport != "poll" else None
    def say(n):
        return server.publish(room, {"n": n}, headers=["Idempotency-Key: say-%d" % n])
    def read(n):
        return sub.until(lambda i: i.kind == "msg" and i.body.get("n") == n)
    one = say(1)
    read(1)
    _, at = server.tell("hole")
    two = say(2)
    got = read(2)
    gaps = [i for i in got if i.kind == "gap"]
    check("a hole", [(g.room, g.body["after"], g.body["at"], g.body["reason"]) for g in gaps], [(room, one, at, "bus")])
    # whoever replays across it is told too, from the ring and when the ring has lost it
    sub2, got = read_all(server, transport, [room], one, lambda i: i.kind == "msg" and i.body.get("n") == 2)
    check("a hole, replayed", [(g.body["after"], g.body["at"], g.body["reason"]) for g in got if g.kind == "gap"], [(one, at, "bus")])
    server.tell("down 30ms")
    while True:                      # refused while it is down, and not lost after
        try:
            three = say(3)
            break
        except Bad as e:
            if "503" not in str(e):
                raise
    check("over an outage", [(i.kind, i.body and i.body.get("n")) for i in read(3) if i.kind in ("msg", "gap")], [("msg", 3)])
    _, floor = server.tell("epoch")
    while True:
        try:
            four = say(4)
            if pos_key(four)[0] == pos_key(floor)[0]:
                break
        except Bad as e:
            if "503" not in str(e):
                raise
    got = read(4)
    gaps = [i for i in got if i.kind == "gap"]
    check("another epoch", [(g.room, pos_key(g.body["after"])[0], g.body["at"], g.body["reason"]) for g in gaps],
          [(room, pos_key(three)[0], floor, "epoch")])
    check("delivery goes on", [i.id for i in got if i.kind == "msg"][-1:], [four])
    if order(gaps[0].body["after"]) < order(three):
        raise Bad("the epoch's gap begins before what was delivered: %r" % gaps)
    sub.close()


def lane(server, transport):
    """An ack waits until what lies before it was delivered; when the epoch changes meanwhile it must not wait for ever."""
    for n in range(100):
        last = server.publish("lane", {"n": n})
    settle(server, last)
    sub = Ws(server.addr, ["lane"], "latest")
    sub.next()
    server.tell("lag 1h")
    sub.send({"_ref": 1, "n": 100})
    while order(server.tell("where")[1]) == order(last):
        pass
    sub.ask({"_op": "ping"})                 # behind the ack in the lane
    if sub.next(0.05) is not None:
        raise Bad("an ack before the messages that come before it")
    server.tell("epoch")
    server.tell("down 1ms")                  # what was on its way is gone
    server.tell("lag 0")
    got = sub.control_until("pong")
    check("an ack over another epoch", [i.kind for i in got if i.kind in ("ack", "error", "gap")][:1] != [], True)
    for n in (101, 102):
        sub.send({"_ref": n, "n": n})
    got = sub.until(lambda i: i.body and i.body.get("_ref") == 102)
    check("acks in the new epoch come behind their messages", [i.body.get("_ref", i.body.get("n")) for i in got
          if i.body and (i.kind == "ack" or i.body.get("n", 0) > 100)][-1], 102)
    sub.close()
    # who publishes to rooms that are not his own is told when they got it, though nothing of his own happens
    quiet = Ws(server.addr, ["quiet"], "latest")
    quiet.next()
    server.tell("lag 50ms")
    for n in (1, 2, 3):
        quiet.send({"_room": "lane", "_ref": n})
        quiet.until(lambda i: i.kind == "ack" and i.body["_ref"] == n)
    server.tell("lag 0")
    quiet.close()


def main():
    bus, transport = sys.argv[1], sys.argv[2]
    only = sys.argv[3] if len(sys.argv) > 3 else ""
    failed = cells = 0
    redis = Redis() if bus.startswith("redis") else None
    with redis or contextlib.nullcontext(), Server("--history", str(KEPT), bus=bus, url=redis and redis.url(bus),
                                                   query="delay=2ms&fail=0.1&seed=%d" % len(transport)) as server:
        server.redis = redis
        for where in ("fresh", "resume", "deep", "trimmed", "epoch", "ahead"):
            for shape in ("one", "many", "pattern"):
                for meta in (1, 0) if transport == "ws" else (1,):
                    cell = Cell(server, transport, where, shape, meta)
                    if only and only not in cell.name:
                        continue
                    cells += 1
                    try:
                        cell.run()
                    except (Bad, Closed, Refused) as e:
                        failed += 1
                        print("FAILED %s: %s: %s" % (cell.name, type(e).__name__, e))
        extra = [("places", places), ("echo", echo), ("keys", keys)]
        extra += [("running", running)] + ([("lane", lane)] if transport == "ws" else []) if bus == "test" else []
        for name, fn in extra:
            if only and only not in name:
                continue
            cells += 1
            try:
                fn(server, transport)
            except (Bad, Closed, Refused) as e:
                failed += 1
                print("FAILED %s %s %s: %s: %s" % (bus, transport, name, type(e).__name__, e))
        if transport == "poll" and not only or only == "history":
            cells += 1
            try:
                history(server)
            except (Bad, Closed, Refused) as e:
                failed += 1
                print("FAILED history: %s" % e)
    print("%s %s: %d cells, %d failed" % (bus, transport, cells, failed))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
