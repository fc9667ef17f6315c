"""rtclient.py - strict clients of rt-serve for tests: raw sockets, standard library only

Server     starts rt-serve on a free port, on the memory bus or the test bus; kills, stops and restarts it
http()     one request, one answer, both checked byte by byte
Ws Sse Stream Poll   one subscription each; next() gives the next Item it was told

Whatever a server may not send raises Bad. Nothing here waits without a deadline.
"""
import base64, hashlib, json, os, re, select, signal, socket, struct, subprocess, tempfile, time

PATIENCE = float(os.environ.get("RT_PATIENCE", "20"))   # seconds until a missing answer is a failure


class Bad(Exception):
    """the server said what it may not say, or nothing"""


class Closed(Exception):
    """the connection ended; args: (code, reason)"""


def no_twins(pairs):
    d = dict(pairs)
    if len(d) != len(pairs):
        raise Bad("a name twice in %r" % (pairs,))
    return d


def parse_json(raw):
    try:
        return json.loads(raw.decode("utf-8", "strict"), object_pairs_hook=no_twins)
    except ValueError as e:
        raise Bad("not JSON: %r: %s" % (raw[:200], e))


def pos_key(pos):
    """(epoch, (hi, lo)) of a printed position, which must have its one form"""
    m = re.fullmatch(r"([0-9a-f]{16})-(?:([1-9][0-9]*)-)?(0|[1-9][0-9]*)", pos)
    if not m or len(pos) > 64:
        raise Bad("not a position: %r" % pos)
    return m.group(1), (int(m.group(2) or 0), int(m.group(3)))


def order(pos):
    return pos_key(pos)[1]


# --- the server ---------------------------------------------------------------------------------------------

class Server:
    def __init__(self, *args, bus="mem", query="", env=None, wait=True, files=None, log=None, clock=False, url=None):
        self.dir = tempfile.mkdtemp(prefix="serve-", dir=os.environ.get("BATS_TEST_TMPDIR") or None)
        self.args, self.bus, self.query, self.env, self.url = list(args), bus, query, env, url
        self.replays = bus in ("test", "redis+stream")
        self.prefix = ["sh", "-c", 'ulimit -n %d; exec "$@"' % files, "sh"] if files else []
        self.port, self.proc, self.control = 0, None, None
        if clock:
            self.clock, self.skipped = os.path.join(self.dir, "clock"), 0
            with open(self.clock, "wb") as f:
                f.write(struct.pack("q", 0))
            self.env = dict(env or {}, RT_CLOCK_SKIP=self.clock)
        self.log = log or os.path.join(self.dir, "log")
        if bus == "test":
            self.control = os.path.join(self.dir, "control")
            os.mkfifo(self.control)
            os.mkfifo(self.control + ".done")
            self.done = os.open(self.control + ".done", os.O_RDWR | os.O_NONBLOCK)
        self.start(wait)

    def command(self):
        args = [os.path.join(os.environ.get("RT_BIN", "build/test"), "rt-serve"), "-l", "127.0.0.1:%d" % self.port]
        if self.bus == "test":
            args += ["-b", "test://log%s?control=%s&%s" % (self.log, self.control, self.query)]
        if self.url:
            args += ["-b", self.url]
        return self.prefix + args + self.args

    def start(self, wait=True):
        """the same port again after a restart"""
        self.err = open(os.path.join(self.dir, "stderr"), "ab")
        deadline = time.monotonic() + PATIENCE
        while True:
            self.proc = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=self.err, env=dict(os.environ, **(self.env or {})))
            line = read_line(self.proc.stdout, PATIENCE)
            if line:
                break
            self.proc.wait()
            if "address in use" not in self.stderr() or time.monotonic() > deadline:
                raise Bad("rt-serve did not start: %s" % self.stderr())
        ready = parse_json(line)
        self.addr = ("127.0.0.1", int(ready["listen"][0].rsplit(":", 1)[1]))
        self.port = self.addr[1]
        self.ready = ready
        while wait and http(self.addr, "GET", "/readyz").status != 200:
            if time.monotonic() > deadline:
                raise Bad("the bus does not come up")
        return self

    def stderr(self):
        with open(os.path.join(self.dir, "stderr"), "r", errors="replace") as f:
            return f.read()

    def tell(self, command):
        """a command to the test bus: (oldest kept position, head)"""
        with open(self.control, "wb", buffering=0) as f:
            f.write(command.encode() + b"\n")
        got = b""
        deadline = time.monotonic() + PATIENCE
        while not got.endswith(b"\n"):
            if not select.select([self.done], [], [], max(0, deadline - time.monotonic()))[0]:
                raise Bad("the bus did not confirm %r" % command)
            got += os.read(self.done, 1)
        what, trimmed, head = got.decode().rstrip("\n").split("\t")
        if what != "ok " + command:
            raise Bad("the bus says %r to %r" % (what, command))
        return trimmed, head

    def skip(self, seconds):
        """lets so much time pass at once on the server's clock; Server(..., clock=True)"""
        self.skipped += int(seconds * 1000)
        with open(self.clock, "r+b") as f:
            f.write(struct.pack("q", self.skipped))

    def signal(self, signo):
        self.proc.send_signal(signo)

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def wait(self):
        try:
            return self.proc.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise Bad("rt-serve does not end")

    def stop(self):
        """drains; it must end with 0, and a sanitizer must not have spoken"""
        if self.proc.poll() is None:
            self.proc.terminate()
        rc = self.wait()
        if rc != 0:
            raise Bad("rt-serve ended with %d: %s" % (rc, self.stderr()[-3000:]))
        return rc

    def __enter__(self):
        return self

    def __exit__(self, kind, *rest):
        if kind is None:
            self.stop()
        elif self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()

    def publish(self, room, obj=None, raw=None, headers=()):
        """the _id, or None for an ephemeral message"""
        r = http(self.addr, "POST", "/pub/" + room, headers, raw if raw is not None else json.dumps(obj).encode())
        if r.status != 200:
            raise Bad("publishing: %d %r" % (r.status, r.body))
        return parse_json(r.body).get("_id")

    def get(self, path):
        r = http(self.addr, "GET", path)
        if r.status != 200:
            raise Bad("GET %s: %d %r" % (path, r.status, r.body))
        return parse_json(r.body)


def read_line(f, seconds):
    got = b""
    deadline = time.monotonic() + seconds
    while not got.endswith(b"\n"):
        if not select.select([f], [], [], max(0, deadline - time.monotonic()))[0]:
            raise Bad("no line within %g s" % seconds)
        c = os.read(f.fileno(), 1)
        if not c:
            return b""
        got += c
    return got


# --- bytes ----------------------------------------------------------------------------------------------------

class Wire:
    """a connection: exact reads with a deadline"""
    def __init__(self, addr, rcvbuf=None):
        self.s = socket.socket(socket.AF_UNIX if isinstance(addr, str) else socket.AF_INET)
        if rcvbuf:
            self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.s.settimeout(PATIENCE)
        self.s.connect(addr)
        self.buf = b""
        self.seen = None      # bytes ever read, where somebody wants them

    def send(self, data):
        self.s.sendall(data)

    def fill(self, timeout=None):
        self.s.settimeout(PATIENCE if timeout is None else max(timeout, 0.0005))
        try:
            got = self.s.recv(65536)
        except (socket.timeout, BlockingIOError):
            if timeout is None:
                raise Bad("nothing within %g s (have %r)" % (PATIENCE, self.buf[-200:]))
            return False
        except ConnectionResetError:
            raise Closed(0, "reset")
        if not got:
            raise Closed(0, "end")
        if self.seen is not None:
            self.seen += got
        self.buf += got
        return True

    def exactly(self, n):
        while len(self.buf) < n:
            self.fill()
        got, self.buf = self.buf[:n], self.buf[n:]
        return got

    def line(self):
        while b"\r\n" not in self.buf:
            self.fill()
        got, self.buf = self.buf.split(b"\r\n", 1)
        if b"\n" in got or b"\r" in got:
            raise Bad("a bare line end in %r" % got)
        return got

    def rest(self):
        """everything to the end"""
        try:
            while True:
                self.fill()
        except Closed:
            pass
        got, self.buf = self.buf, b""
        return got

    def close(self):
        self.s.close()

    def reset(self):
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.s.close()


# --- HTTP --------------------------------------------------------------------------------------------------------

class Answer:
    def __init__(self, status, reason, headers):
        self.status, self.reason, self.headers, self.body = status, reason, headers, b""

    def get(self, name):
        found = [v for n, v in self.headers if n == name.lower()]
        if len(found) > 1:
            raise Bad("header %s twice" % name)
        return found[0] if found else None

    def json(self):
        return parse_json(self.body)

    def lines(self):
        if self.body and not self.body.endswith(b"\n"):
            raise Bad("the last line does not end: %r" % self.body[-100:])
        return [parse_json(l) for l in self.body.split(b"\n")[:-1]]


def read_head(w):
    m = re.fullmatch(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([ -~]+)", w.line())
    if not m:
        raise Bad("not a status line")
    headers = []
    while True:
        line = w.line()
        if not line:
            return Answer(int(m.group(1)), m.group(2).decode(), headers)
        h = re.fullmatch(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([ -~]*)", line)
        if not h:
            raise Bad("not a header: %r" % line)
        headers.append((h.group(1).decode().lower(), h.group(2).decode().rstrip()))


def read_chunk(w):
    size = w.line()
    if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
        raise Bad("not a chunk size: %r" % size)
    data = w.exactly(int(size, 16))
    if w.exactly(2) != b"\r\n":
        raise Bad("a chunk that does not end")
    return data


def read_answer(w, method="GET"):
    a = read_head(w)
    length, coding = a.get("content-length"), a.get("transfer-encoding")
    if length is not None and coding is not None:
        raise Bad("length and transfer-encoding")
    if a.status < 200 or a.status in (204, 304):
        if length is not None or coding is not None:
            raise Bad("%d with a body" % a.status)
        return a
    if method == "HEAD":
        return a
    if coding is not None:
        if coding != "chunked":
            raise Bad("transfer-encoding %r" % coding)
        while True:
            data = read_chunk(w)
            if not data:
                return a
            a.body += data
    if length is None or not re.fullmatch(r"0|[1-9][0-9]*", length):
        raise Bad("%d without a length" % a.status)
    a.body = w.exactly(int(length))
    return a


def request(method, path, headers=(), body=None, host="localhost", version="HTTP/1.1"):
    lines = ["%s %s %s" % (method, path, version), "Host: " + host] + list(headers)
    if body is not None and not any(h.lower().startswith(("transfer-encoding", "content-length")) for h in headers):
        lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b"")


def http(addr, method, path, headers=(), body=None):
    w = Wire(addr)
    try:
        w.send(request(method, path, headers, body))
        return read_answer(w, method)
    finally:
        w.close()


# --- subscriptions -----------------------------------------------------------------------------------------------

class Item:
    """kind: msg gap start position ack error other close; id: the position it hands out, or None"""
    def __init__(self, kind, room=None, id=None, body=None, raw=None, **more):
        self.kind, self.room, self.id, self.body, self.raw = kind, room, id, body, raw
        self.__dict__.update(more)

    def __repr__(self):
        return "%s(%s)" % (self.kind, ", ".join("%s=%r" % (k, v) for k, v in sorted(self.__dict__.items())
                                                if k not in ("kind", "raw") and v is not None))


META = ("_id", "_room", "_ts", "_key", "_attempt", "_from", "_reason")


def split_meta(raw, room_only=False):
    """(metadata, payload): metadata comes first, in its order, and everything else is the payload's"""
    o = parse_json(raw)
    if not isinstance(o, dict):
        raise Bad("not an object: %r" % raw)
    names = list(o)
    meta = [n for n in names if n in META]
    if names[:len(meta)] != meta or meta != [n for n in META if n in meta]:
        raise Bad("metadata is not in front, in order: %r" % raw)
    if any(re.fullmatch(r"_[a-z]+", n) for n in names[len(meta):] if n not in ("_data", "_b64", "_op")):
        raise Bad("a reserved name that nobody may see: %r" % raw)
    if room_only and meta != ["_room"]:
        raise Bad("only _room goes in front: %r" % raw)
    return {n: o[n] for n in meta}, {n: o[n] for n in names if n not in META}


GAP = {"_op", "_room", "after", "at", "next", "reason"}


def gap_item(o, id=None):
    if set(o) - GAP or GAP - set(o) - {"next"} or o["reason"] not in ("history", "slow", "bus", "epoch"):
        raise Bad("not a gap: %r" % o)
    for n in ("after", "at", "next"):
        if n in o:
            pos_key(o[n])
    return Item("gap", o["_room"], id, o)


class Sub:
    """what is common: rooms, where it comes from, the last position it was handed (pos)"""
    name = None

    def __init__(self, addr, rooms, since=None, query="", headers=(), rcvbuf=None, path=None):
        self.addr, self.rooms, self.since = addr, list(rooms), since
        self.pos = None
        self.items = []
        self.one = len(self.rooms) == 1 and not any(c in self.rooms[0] for c in "*>")
        self.query = query
        self.open(headers, rcvbuf)

    def target(self, path, **more):
        q = ["room=" + r.replace(">", "%3E") for r in self.rooms[1:]] if len(self.rooms) > 1 else []
        if self.since is not None:
            q.append("since=" + self.since)
        if self.query:
            q.append(self.query)
        q += ["%s=%s" % kv for kv in more.items()]
        return "/%s/%s" % (path, self.rooms[0].replace(">", "%3E")) + ("?" + "&".join(q) if q else "")

    def next(self, timeout=None):
        """the next Item; with a timeout None when there is none in time"""
        while not self.items:
            if not self.more(timeout):
                return None
        item = self.items.pop(0)
        if item.id is not None:
            pos_key(item.id)
            self.pos = item.id
        return item

    def until(self, last):
        """items up to the message for which last(item) holds"""
        got = []
        deadline = time.monotonic() + 2 * PATIENCE      # heartbeats come for ever
        while time.monotonic() < deadline:
            item = self.next()
            got.append(item)
            if last(item):
                return got
        raise Bad("what is waited for does not come: %r" % got[-5:])

    def close(self):
        self.w.close()


class Ws(Sub):
    name = "ws"

    def open(self, headers, rcvbuf):
        self.w = Wire(self.addr, rcvbuf)
        key = base64.b64encode(os.urandom(16)).decode()
        self.w.send(request("GET", self.target("ws"), ["Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
                                                       "Sec-WebSocket-Key: " + key] + list(headers)))
        a = read_head(self.w)
        self.head = a
        if a.status != 101:
            length = a.get("content-length")
            a.body = self.w.exactly(int(length)) if length else b""
            raise Refused(a)
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        if a.get("sec-websocket-accept") != accept or a.get("upgrade").lower() != "websocket" or \
                a.get("connection").lower() != "upgrade" or not re.fullmatch(r"c[0-9a-f]+", a.get("rt-conn")):
            raise Bad("not a handshake: %r" % a.headers)
        self.bare = "meta=0" in self.query
        self.answers = True          # pings are answered

    def frame(self, op, payload=b"", fin=True):
        mask = os.urandom(4)
        n = len(payload)
        head = bytes([(0x80 if fin else 0) | op])
        head += bytes([0x80 | n]) if n < 126 else bytes([0xfe]) + struct.pack(">H", n) if n < 65536 else bytes([0xff]) + struct.pack(">Q", n)
        body = bytes(b ^ mask[i & 3] for i, b in enumerate(payload)) if n < 100000 else \
            (int.from_bytes(payload, "big") ^ int.from_bytes((mask * (n // 4 + 1))[:n], "big")).to_bytes(n, "big")
        return head + mask + body

    def send(self, obj):
        self.w.send(self.frame(1, obj if isinstance(obj, bytes) else json.dumps(obj).encode()))

    def take_frame(self):
        """(op, payload) if a whole one is there"""
        b = self.w.buf
        if len(b) < 2:
            return None
        if b[0] & 0x70 or not b[0] & 0x80 or b[1] & 0x80:
            raise Bad("a frame that is masked, split or has reserved bits: %r" % b[:2])
        n, at = b[1] & 0x7f, 2
        if n == 126:
            if len(b) < 4:
                return None
            n, at = struct.unpack(">H", b[2:4])[0], 4
            if n < 126:
                raise Bad("a length that is not the shortest")
        elif n == 127:
            if len(b) < 10:
                return None
            n, at = struct.unpack(">Q", b[2:10])[0], 10
            if n < 65536:
                raise Bad("a length that is not the shortest")
        if len(b) < at + n:
            return None
        payload, self.w.buf = b[at:at + n], b[at + n:]
        return b[0] & 15, payload

    def more(self, timeout=None):
        while True:
            f = self.take_frame()
            if f is None:
                if not self.w.fill(timeout):
                    return False
                continue
            op, payload = f
            if op == 9:
                if self.answers:
                    self.w.send(self.frame(10, payload))
                continue
            if op == 10:
                self.items.append(Item("ponged", body=payload))
                return True
            if op == 8:
                code = struct.unpack(">H", payload[:2])[0] if payload else 1005
                payload[2:].decode("utf-8", "strict")
                raise Closed(code, payload[2:].decode())
            if op != 1:
                raise Bad("opcode %d" % op)
            self.items.append(self.item(payload))
            return True

    def item(self, raw):
        o = parse_json(raw)
        op = o.get("_op")
        if op == "gap":
            return gap_item(o)
        if op == "subscribed":
            if [n for n in o if n != "_ref"] != ["_op", "_room", "_id", "head", "conn"] or o["conn"] != self.head.get("rt-conn"):
                raise Bad("not subscribed: %r" % o)
            pos_key(o["head"])
            return Item("start", o["_room"], None, o, start=o["_id"])
        if op == "heartbeat":
            return Item("position", None, o.get("_id"), o)
        if op in ("ack", "error"):
            return Item(op, None, None, o)
        if op is not None:
            return Item("other", o.get("_room"), None, o)
        if self.bare:
            if any(n in META for n in o):
                raise Bad("metadata in spite of meta=0: %r" % o)
            return Item("msg", None, None, o, raw)
        meta, payload = split_meta(raw)
        return Item("msg", meta["_room"], meta.get("_id"), payload, raw, meta=meta)

    def ask(self, obj):
        self.send(obj)

    def control_until(self, op):
        return self.until(lambda i: i.body and i.body.get("_op") == op)


class Refused(Exception):
    def __init__(self, answer):
        Exception.__init__(self, "%d %r" % (answer.status, answer.body[:300]))
        self.answer = answer


class Chunked(Sub):
    def open_stream(self, path, mime, headers, rcvbuf):
        self.w = Wire(self.addr, rcvbuf)
        self.w.send(request("GET", self.target(path), headers))
        self.head = a = read_head(self.w)
        if a.status != 200:
            a.body = self.w.exactly(int(a.get("content-length") or 0))
            raise Refused(a)
        if a.get("transfer-encoding") != "chunked" or a.get("content-type") != mime or a.get("x-accel-buffering") != "no" or \
                not re.fullmatch(r"c[0-9a-f]+", a.get("rt-conn")):
            raise Bad("headers: %r" % a.headers)
        self.text = b""

    def more_text(self, timeout):
        b = self.w.buf
        i = b.find(b"\r\n")
        if i >= 0:
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", b[:i]):
                raise Bad("not a chunk size: %r" % b[:40])
            n = int(b[:i], 16)
            if len(b) >= i + 2 + n + 2:
                if b[i + 2 + n:i + 4 + n] != b"\r\n":
                    raise Bad("a chunk that does not end")
                self.w.buf = b[i + 4 + n:]
                if n == 0:
                    raise Closed(1000, "ended")
                self.text += b[i + 2:i + 2 + n]
                return True
        return self.w.fill(timeout)


class Sse(Chunked):
    name = "sse"

    def open(self, headers, rcvbuf):
        self.last_id = None
        self.comments = 0
        self.open_stream("events", "text/event-stream; charset=utf-8", headers, rcvbuf)
        if self.head.get("cache-control") != "private, no-cache, no-store, must-revalidate, max-age=0":
            raise Bad("cache-control: %r" % self.head.get("cache-control"))

    def more(self, timeout=None):
        while b"\n\n" not in self.text:
            if not self.more_text(timeout):
                return False
        block, self.text = self.text.split(b"\n\n", 1)
        if b"\r" in block:
            raise Bad("a carriage return: %r" % block)
        event, data, has_id = "message", [], None
        for line in block.split(b"\n"):
            if line.startswith(b":"):
                self.comments += 1
                continue
            m = re.fullmatch(rb"(event|data|id|retry): (.*)", line)
            if not m:
                raise Bad("not a field: %r" % line)
            name, value = m.groups()
            if name == b"event":
                event = value.decode()
            elif name == b"data":
                data.append(value)
            elif name == b"id":
                has_id = value.decode("ascii")
                pos_key(has_id)
            elif not re.fullmatch(rb"[0-9]+", value) or not 0 <= int(value) <= 5000:
                raise Bad("retry: %r" % value)
        if data:
            raw = b"\n".join(data)
            if event == "gap":
                self.items.append(gap_item(parse_json(raw), has_id))
            elif self.one:
                o = parse_json(raw)
                if isinstance(o, dict) and any(n in META for n in o):
                    raise Bad("metadata in the data of one room: %r" % raw)
                self.items.append(Item("msg", self.rooms[0], has_id, o, raw, event=event))
            else:
                meta, payload = split_meta(raw, room_only=True)
                self.items.append(Item("msg", meta["_room"], has_id, payload, raw, event=event))
        elif has_id:
            self.items.append(Item("position", None, has_id))
        return True


class Stream(Chunked):
    name = "stream"

    def open(self, headers, rcvbuf):
        self.open_stream("stream", "application/x-ndjson", headers, rcvbuf)
        self.items.append(Item("start", None, self.head.get("rt-next"), None, start=self.head.get("rt-next"),
                               head=self.head.get("rt-head")))
        pos_key(self.head.get("rt-head"))

    def more(self, timeout=None):
        while b"\n" not in self.text:
            if not self.more_text(timeout):
                return False
        line, self.text = self.text.split(b"\n", 1)
        if line:
            self.items.append(ndjson_item(line))
        return True


def ndjson_item(line):
    o = parse_json(line)
    if o.get("_op") == "gap":
        return gap_item(o)
    if o.get("_op") == "heartbeat":
        return Item("position", None, o["_id"], o)
    if "_op" in o:
        raise Bad("a control message: %r" % o)
    meta, payload = split_meta(line)
    return Item("msg", meta["_room"], meta.get("_id"), payload, line, meta=meta)


class Poll(Sub):
    """one poll after the other on one connection; each answer's items, then a position"""
    name = "poll"

    def open(self, headers, rcvbuf):
        self.headers = headers
        self.w = Wire(self.addr, rcvbuf)
        self.asked = False
        self.seconds = 20
        self.answers = []
        self.empty = 0

    def ask(self):
        self.w.send(request("GET", self.target("poll", timeout=self.seconds), self.headers))
        self.asked = True

    def more(self, timeout=None):
        if not self.asked:
            self.ask()
        if not self.w.buf and not self.w.fill(timeout):
            return False
        a = read_answer(self.w)
        self.asked = False
        self.answers.append(a)
        if a.status not in (200, 204):
            raise Refused(a)
        if (a.status == 204) != (not a.body):
            raise Bad("%d with %r" % (a.status, a.body))
        next_ = a.get("rt-next")
        pos_key(a.get("rt-head"))
        if a.status == 204:
            self.empty += 1
        for line in a.body.split(b"\n")[:-1]:
            self.items.append(ndjson_item(line))
        self.items.append(Item("position", None, next_, None, status=a.status))
        self.since = next_
        if a.get("connection") == "close":
            self.w.close()
            self.w = Wire(self.addr)
        return True

    def next(self, timeout=None):
        item = Sub.next(self, timeout)
        return item


TRANSPORTS = {"ws": Ws, "sse": Sse, "stream": Stream, "poll": Poll}


# --- what every subscriber may rely on -----------------------------------------------------------------------------

def covers(pattern, room):
    """does a name or pattern mean that room?"""
    a, b = pattern.split("."), room.split(".")
    for i, seg in enumerate(a):
        if seg in (">", "**"):
            return len(b) > i
        if i >= len(b) or seg not in ("*", b[i]):
            return False
    return len(a) == len(b)


class Epochs:
    """epochs in the order in which they began; positions of different epochs compare by it"""
    def __init__(self):
        self.all = []

    def add(self, pos):
        e = pos_key(pos)[0]
        if e not in self.all:
            self.all.append(e)

    def key(self, pos):
        e, p = pos_key(pos)
        return (self.all.index(e) if e in self.all else -1,) + p


class Ledger:
    """What one subscriber was told, in order, over all its connections.

    problems collects at once: doubled, disordered, ahead (a message at or before a position that was handed out); missing() at the
    end, against everything known to be stored: lost, what no gap declared."""
    def __init__(self, name, rooms, epochs):
        self.name, self.rooms, self.epochs = name, rooms, epochs
        self.start = self.last = self.told = None    # keys
        self.got = {}                                # id -> (room, body)
        self.here = 0
        self.gaps = []                               # (room, after key, at key, reason)
        self.problems, self.positions, self.n_msgs = [], 0, 0

    def problem(self, what, item):
        self.problems.append("%s: %s: %r (told %s, last %s)" % (self.name, what, item, self.told, self.last))

    def take(self, item):
        if item.kind == "cut":                       # whoever comes back with an older position may get what the gap declared
            self.here = len(self.gaps)
        elif item.kind == "msg" and item.id is not None:
            key = self.epochs.key(item.id)
            self.n_msgs += 1
            if key[0] < 0:
                self.problem("an id of no epoch", item)
            if item.id in self.got:
                self.problem("doubled", item)
            elif self.last is not None and key <= self.last:
                self.problem("disordered", item)
            elif self.told is not None and key <= self.told:
                self.problem("behind a position handed out", item)
            if not any(covers(r, item.room) for r in self.rooms):
                self.problem("of a room not asked for", item)
            for room, after, at, _ in self.gaps[self.here:]:
                # (that of a pattern is about rooms that are not in memory)
                if room == item.room and after < key <= at:
                    self.problem("inside a gap that was told", item)
            self.got[item.id] = (item.room, item.body)
            self.last = key
        elif item.kind == "gap":
            self.gaps.append((item.room, self.epochs.key(item.body["after"]), self.epochs.key(item.body["at"]), item.body["reason"]))
        if item.id is not None:
            key = self.epochs.key(item.id)
            if self.told is not None and key < self.told:
                self.problem("a position that goes back", item)
            self.told = key
            self.positions += 1
            if self.start is None:
                self.start = key

    def missing(self, known, upto):
        """known: {id: room} of everything stored; what lies in (start, upto] must be here or in a gap"""
        lost = []
        for id, room in known.items():
            key = self.epochs.key(id)
            if id in self.got or self.start is None or key <= self.start or key > upto or not any(covers(r, room) for r in self.rooms):
                continue
            if not any(covers(g, room) and after < key <= at for g, after, at, _ in self.gaps):
                lost.append((id, room))
        return lost
