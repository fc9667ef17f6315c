#!/usr/bin/env python3
"""checker.py [--bus mem|test|redis|redis+stream] [--faults LIST] [--seed N] ... - numbered messages through faults; nothing may be lost, doubled, disordered or made up

Publishers send numbered messages with `_ref` and `_dedup`, and after a cut resend from the first that has no ack. Subscribers of every
transport read them, are cut, and come back with the position they were handed. When it is over, every subscriber's account is held against
everything that is known to have been stored. Allowed is what the rules allow and no more: what a gap declares, and, where the epoch
changed under an unacknowledged message, that message once in each epoch, and where its outcome was unknown, behind what was acknowledged
in the epoch before. Prints one line of figures; exits 1 on any violation."""
import argparse, collections, random, signal, sys, threading
from redis_server import *
from rtclient import *

ROOMS = ["a", "b.x", "b.y", "c"]
SETS = [["a"], ["b.x", "c"], ["b.*"], [">"], ["a", "b.x", "b.y", "c"], ["c", "b.*"]]


class World:
    def __init__(self, o):
        self.o, self.R = o, random.Random(o.seed)
        self.query = "delay=%dms&fail=0.1&page=%d&seed=%d&dup=0.05" % (self.R.choice((0, 3, 8)), self.R.choice((1, 5, 32)), o.seed)
        args = ["--history", str(o.history or self.R.choice((5, 40, 1000))), "--heartbeat", "300ms", "--slow", o.slow, "--dedup", "1h"]
        self.redis = Redis() if o.bus.startswith("redis") else None
        if self.redis:
            url = self.redis.url(o.bus)
            self.servers = [Server(*args, bus=o.bus, url=url) for _ in range(o.instances)]
        elif o.bus == "test":
            self.servers = [Server(*args, bus="test", query=self.query)]
            for _ in range(o.instances - 1):
                self.servers.append(Server(*args, bus="test", query=self.query + "9", log=self.servers[0].log))
        else:
            self.servers = [Server(*args)]
        self.epochs = Epochs()
        self.note_epoch(self.servers[0])
        self.sent, self.acked, self.refused, self.doubted = {}, {}, set(), set()   # (p, n) -> room; -> id
        self.stop_faults = threading.Event()
        self.over = threading.Event()
        self.last = None                                      # of the sentinels
        self.errors = []

    def note_epoch(self, s):
        if s.bus == "test":
            self.epochs.add(s.tell("where")[1])
        elif s.bus == "redis+stream":
            self.note_data()
        else:
            self.epochs.add(http(s.addr, "GET", "/poll/settled").get("rt-head"))

    def note_data(self):
        """the epoch is of the data: whoever comes first makes it"""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            epoch = self.redis.ask("GET", "rt:epoch")
            if epoch:
                self.epochs.add(epoch.decode() + "-0")
                return
            time.sleep(0.002)
        raise Bad("nobody makes an epoch")

    def addr(self, R):
        return R.choice(self.servers).addr


LOST = (Closed, OSError, Refused)


class Publisher(threading.Thread):
    def __init__(self, w, p):
        threading.Thread.__init__(self, daemon=True)
        self.w, self.p, self.R = w, p, random.Random(w.o.seed * 100 + p)
        self.todo = {}                       # n -> room, without an outcome, in order
        self.waiting = collections.deque()   # of todo, to be sent on this connection
        self.due = collections.deque()       # sent on it, and not told of
        self.doubted = False                 # one of them is unknown: what was sent before has its outcome yet, then it ends
        self.next_n, self.dups, self.cuts, self.n_doubted = 1, 0, 0, 0
        self.tries = collections.Counter()

    def run(self):
        try:
            ws = None
            while self.next_n <= self.w.o.messages or self.todo:
                try:
                    if ws is None:
                        self.waiting, self.doubted = collections.deque(self.todo), False
                        self.due.clear()
                        ws = Ws(self.w.addr(self.R), ["pub%d" % self.p])
                    self.step(ws)
                except LOST as e:
                    if isinstance(e, Closed) and e.args[0] not in (0, 1006, 1012, 1013):
                        raise Bad("publisher %d is closed with %r" % (self.p, e.args))
                    if isinstance(e, Closed) and e.args[0] == 1013 and not self.doubted:
                        raise Bad("publisher %d is sent away, and nothing is unknown" % self.p)
                    self.cuts += 1
                    if ws:
                        ws.close()
                    ws = None
                    time.sleep(self.R.random() * 0.02)
        except Exception as e:
            self.w.errors.append("publisher %d: %s: %s" % (self.p, type(e).__name__, e))

    def step(self, ws):
        while not self.doubted and len(self.due) < self.w.o.window and (self.waiting or self.next_n <= self.w.o.messages):
            if not self.waiting:
                room = self.R.choice(ROOMS)
                self.w.sent[self.p, self.next_n] = self.todo[self.next_n] = room
                self.waiting.append(self.next_n)
                self.next_n += 1
            n = self.waiting.popleft()
            self.due.append(n)
            self.tries[n] += 1
            ws.send({"_room": self.todo[n], "_ref": n, "_dedup": "%d-%d" % (self.p, n), "p": self.p, "n": n, "x": "y" * self.R.choice((0, 10, self.w.o.size))})
            if self.R.random() < 0.5:
                break
        while self.due or self.doubted:
            i = ws.next(0.02 if len(self.due) < self.w.o.window and not self.doubted else None)
            if i is None:
                return
            self.outcome(i)
            if not ws.items and len(self.due) < self.w.o.window // 2 and not self.doubted:
                return

    def outcome(self, i):
        if i.kind in ("gap", "start", "position"):
            return
        if i.kind not in ("ack", "error"):
            raise Bad("a publisher is told %r" % i)
        n = self.due.popleft()
        if i.body.get("_ref") != n:
            raise Bad("an outcome of %r, and %d is due" % (i.body, n))
        if i.kind == "ack":
            self.w.acked[self.p, n] = i.body["_id"]
            self.dups += bool(i.body.get("dup"))
        elif i.body["code"] == "refused":
            if self.tries[n] == 1:               # else an earlier try may have been published
                self.w.refused.add((self.p, n))
        elif i.body["code"] == "unknown":
            self.doubted = True                  # it stays in todo and is sent again
            self.n_doubted += 1
            self.w.doubted.add((self.p, n))
            return
        else:
            raise Bad("publishing is answered %r" % i)
        del self.todo[n]


class Subscriber(threading.Thread):
    def __init__(self, w, i, transport, rooms, hops=0, slow=0, cuts=0.0):
        threading.Thread.__init__(self, daemon=True)
        self.w, self.i, self.transport, self.rooms = w, i, transport, rooms
        self.hops, self.slow, self.cuts = hops, slow, cuts     # hops at least; seconds between reads; chance of a cut after an item
        self.R = random.Random(w.o.seed * 1000 + i)
        self.items, self.pos, self.n_hops, self.n_cuts, self.path = [], None, 0, 0, collections.Counter()
        self.ready = threading.Event()
        self.name = "sub %d %s %s" % (i, transport, ",".join(rooms))

    def connect(self):
        t = self.transport if self.transport != "hop" else self.R.choice(list(TRANSPORTS))
        self.path[t] += 1
        query = {"ws": "meta=1&heartbeat=1", "poll": ""}.get(t, "")
        s = TRANSPORTS[t](self.w.addr(self.R), self.rooms, self.pos, query, rcvbuf=4096 if self.slow else None)
        if t == "poll":
            s.seconds = 1
        self.starts = []
        return s

    def take(self, i, s):
        self.items.append(i)
        if i.kind == "start" and s.name == "ws":     # a position once the starts of all rooms are known
            self.starts.append(i.start)
            if len(self.starts) == len(self.rooms):
                i.id = s.pos = min(self.starts, key=order)
        if i.id is not None:
            self.pos = i.id
            self.ready.set()

    def done(self):
        last = self.w.last
        if not last or self.pos is None or self.n_hops < self.hops:
            return False
        return self.w.epochs.key(self.pos) >= self.w.epochs.key(last)

    def run(self):
        s = None
        try:
            quota = 0
            while not self.done():
                if self.w.over.is_set():
                    raise Bad("the end was not reached: at %s of %s" % (self.pos, self.w.last))
                try:
                    if s is None:
                        s = self.connect()
                        quota = self.R.choice((0, 1, 3, 8, 20))
                    i = s.next(0.05)
                    if i is not None:
                        self.take(i, s)
                        quota -= 1
                        if self.slow and not self.w.last:
                            time.sleep(self.slow)
                    if self.transport == "hop" and (quota < 0 or i is None) or self.R.random() < self.cuts:
                        if self.pos is not None:
                            self.n_hops += 1
                            self.R.choice((s.w.reset, s.close))()
                            s = None
                            self.items.append(Item("cut"))
                except LOST as e:
                    if isinstance(e, Refused) and e.answer.status != 503:
                        raise Bad("refused: %s" % e)
                    if isinstance(e, Closed) and e.args[0] not in (0, 1000, 1006, 1012, 4008):
                        raise Bad("closed with %r" % (e.args,))
                    self.n_cuts += 1
                    if s:
                        s.close()
                    s = None
                    self.items.append(Item("cut"))
                    time.sleep(self.R.random() * 0.02)
            if s:
                s.close()
        except Exception as e:
            self.w.errors.append("%s: %s: %s" % (self.name, type(e).__name__, e))


# --- faults --------------------------------------------------------------------------------------------------------

def fault_kill(w, s):
    s.kill()
    s.start()
    w.note_epoch(s)


def fault_drain(w, s):
    s.stop()
    s.start()
    w.note_epoch(s)


def fault_stop(w, s):
    s.signal(signal.SIGSTOP)
    time.sleep(w.R.random() * 0.2)
    s.signal(signal.SIGCONT)


def fault_epoch(w, s):
    w.epochs.add(s.tell("epoch")[1])


def fault_redis_kill(w, s):
    w.redis.kill()
    time.sleep(w.R.random() * 0.1)
    w.redis.start()


def fault_redis_stop(w, s):
    w.redis.freeze()
    time.sleep(w.R.random() * 0.2)
    w.redis.thaw()


def fault_redis_cut(w, s):
    w.redis.ask("CLIENT", "KILL", "TYPE", w.R.choice(("normal", "pubsub")), "SKIPME", "yes")


def fault_redis_trim(w, s):
    w.redis.ask("XTRIM", "stream:" + w.R.choice(ROOMS), "MAXLEN", "=", w.R.choice((0, 3, 20)))


def fault_redis_flush(w, s):
    w.redis.ask("FLUSHALL")
    w.note_data()


FAULTS = {
    "rkill": fault_redis_kill, "rstop": fault_redis_stop, "rcut": fault_redis_cut, "rtrim": fault_redis_trim,
    "rflush": fault_redis_flush, "rscript": lambda w, s: w.redis.ask("SCRIPT", "FLUSH"),
    "kill": fault_kill, "drain": fault_drain, "stop": fault_stop, "epoch": fault_epoch,
    "trim": lambda w, s: s.tell("trim %d" % w.R.choice((0, 3, 20, 100))),
    "hole": lambda w, s: s.tell("hole"),
    "down": lambda w, s: s.tell("down %dms" % w.R.randint(1, 80)),
    "lag": lambda w, s: s.tell("lag %dms" % w.R.choice((0, 20, 150))),
    "unknown": lambda w, s: s.tell("set unknown %g" % w.R.choice((0, 0.005, 0.05))),
    "unsure": lambda w, s: s.tell("set unsure %g" % w.R.choice((0, 0.005, 0.05))),
    "refuse": lambda w, s: s.tell("set refuse %g" % w.R.choice((0, 0.01, 0.1))),
    "none": lambda w, s: None,
}


def make_faults(w, threads):
    kinds = w.o.faults.split(",")
    n = 0
    while n < w.o.n_faults and not w.errors:
        time.sleep(w.R.random() * w.o.every)
        FAULTS[w.R.choice(kinds)](w, w.R.choice(w.servers))
        n += 1
    for s in w.servers:
        if s.bus == "test":
            for c in ("set unknown 0", "set unsure 0", "set refuse 0", "lag 0", "up"):
                s.tell(c)


# --- the verdict ------------------------------------------------------------------------------------------------------

def judge(w, pubs, subs):
    problems = list(w.errors)
    known = dict((id, (w.sent[k], k)) for k, id in w.acked.items())
    gaps = collections.Counter()
    ledgers = []
    for s in subs:
        l = Ledger(s.name, s.rooms, w.epochs)
        for i in s.items:
            l.take(i)
            if i.kind == "gap":
                gaps[i.body["reason"]] += 1
            if i.kind != "msg" or "end" in i.body:
                continue
            k = (i.body.get("p"), i.body.get("n"))
            if w.sent.get(k) != i.room or k in w.refused:
                problems.append("%s: phantom: %r" % (s.name, i))
            elif known.setdefault(i.id, (i.room, k)) != (i.room, k):
                problems.append("%s: %r is also %r" % (s.name, i, known[i.id]))
        problems += l.problems
        ledgers.append(l)
    # one order for each publisher and room; no message twice within an epoch
    seen, newest = {}, {}
    twice = 0
    for id in sorted(known, key=w.epochs.key):
        room, k = known[id]
        e = w.epochs.key(id)[0]
        if k in seen:
            twice += 1
            if seen[k] == e:
                problems.append("%r is stored twice in one epoch" % (k,))
        else:
            n, of = newest.get((k[0], room), (0, e))
            if k[1] < n and not (of != e and k in w.doubted):
                problems.append("%r at %s comes behind %d" % (k, id, n))
        seen[k] = e
        newest[k[0], room] = max((k[1], e), newest.get((k[0], room), (0, e)))
    for k, id in w.acked.items():
        if k in w.refused:
            problems.append("%r is acknowledged and refused" % (k,))
    where = dict((id, room) for id, (room, k) in known.items())
    last = w.epochs.key(w.last) if w.last else (0,)
    for l in ledgers:
        lost = l.missing(where, last)
        if lost:
            problems.append("%s: lost %d without a gap: %r (gaps %r)" % (l.name, len(lost), [(i, known[i[0]][1]) for i in lost[:3]], l.gaps[-3:]))
    unfinished = [p.p for p in pubs if p.todo or p.next_n <= w.o.messages]
    if unfinished:
        problems.append("publishers %r did not come to an end" % unfinished)
    hops = collections.Counter()
    for s in subs:
        hops.update(s.path)
    print("%s seed %d faults %s: %d sent, %d acked, %d refused, %d unknown, %d dup, %d twice over an epoch; %d epochs; %d subscribers, %d messages, %d hops, %d cuts, %s; gaps %s: %s" % (
        w.o.bus, w.o.seed, w.o.faults, len(w.sent), len(w.acked), len(w.refused), sum(p.n_doubted for p in pubs), sum(p.dups for p in pubs), twice, len(w.epochs.all), len(subs),
        sum(l.n_msgs for l in ledgers), sum(s.n_hops for s in subs), sum(s.n_cuts for s in subs), dict(hops), dict(gaps), "%d PROBLEMS" % len(problems) if problems else "ok"))
    for p in problems[:8]:
        print("    " + p[:700])
    return not problems


def run(o):
    w = World(o)
    pubs = [Publisher(w, p) for p in range(1, o.publishers + 1)]
    subs = []
    for i in range(o.subscribers):
        transport = "hop" if o.hops else list(TRANSPORTS)[i % 4]
        rooms = SETS[w.R.randrange(len(SETS))]
        slow = 0.003 if o.slow_readers and i % 2 else 0
        subs.append(Subscriber(w, i, transport, rooms, o.hops, slow, 0.02 if "clients" in o.faults or o.cut else 0))
    o.faults = ",".join(f for f in o.faults.split(",") if f != "clients") or "none"
    for s in subs:
        s.start()
    for s in subs:
        s.ready.wait(PATIENCE)
    for p in pubs:
        p.start()
    try:
        make_faults(w, pubs + subs)
        deadline = time.monotonic() + 3 * PATIENCE
        for p in pubs:
            p.join(max(0.1, deadline - time.monotonic()))
        # the last message of each room; a publication may still fail
        for n, room in enumerate(ROOMS * 2):
            while True:
                try:
                    w.last_try = w.servers[0].publish(room, {"end": n}, headers=["Idempotency-Key: end-%d" % n])
                    break
                except (Bad, Closed, OSError):
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.01)
        w.note_epoch(w.servers[0])
        w.last = w.last_try
        deadline = time.monotonic() + 3 * PATIENCE
        for s in subs:
            s.join(max(0.1, deadline - time.monotonic()))
        w.over.set()
        for s in subs:
            s.join(PATIENCE)
    finally:
        w.over.set()
        good = judge(w, pubs, subs)
        for s in w.servers:
            try:
                s.stop()
            except Bad as e:
                good = False
                print("    " + str(e)[-3000:])
        if w.redis:
            w.redis.stop()
    return good


def options(argv=None):
    p = argparse.ArgumentParser()
    p.add_argument("--bus", default="mem")
    p.add_argument("--faults", default="none")
    p.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 100000))
    p.add_argument("--messages", type=int, default=300)
    p.add_argument("--publishers", type=int, default=3)
    p.add_argument("--subscribers", type=int, default=8)
    p.add_argument("--instances", type=int, default=1)
    p.add_argument("--n-faults", type=int, default=12)
    p.add_argument("--every", type=float, default=0.1)
    p.add_argument("--window", type=int, default=16)
    p.add_argument("--history", type=int, default=0)
    p.add_argument("--size", type=int, default=200)
    p.add_argument("--slow", default="skip")
    p.add_argument("--slow-readers", action="store_true")
    p.add_argument("--cut", action="store_true")
    p.add_argument("--hops", type=int, default=0)
    return p.parse_args(argv)


if __name__ == "__main__":
    sys.exit(0 if run(options()) else 1)
