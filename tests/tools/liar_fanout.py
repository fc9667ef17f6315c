#!/usr/bin/env python3
"""liar_fanout.py [LIE ...] - a server that sends to everybody what one publishes, and lies when told to

Rooms are the last part of a path, or what it has as ?topic=. A WebSocket at /pub/ROOM publishes ("ROOM TEXT", or TEXT alone for the path's room), a POST to
/pub/ROOM too (a form with topic and data to anywhere); a WebSocket or an event stream at any other path subscribes, and a WebSocket there publishes as well.
Prints {"port":N}. GET /counts says what was done, so that a test knows what a judge of this server must find out.

Of the deliveries (a message to one subscriber is one), counted over all subscribers, every Nth:
  drop=N dup=N swap=N (with the next of that subscriber) phantom=N (numbers nobody sent) truncate=N change=N (a byte of the padding)
  clock=N (a time in the mark) text=N (something else before it) room=N (of another room, before it)
Of the messages, for all subscribers:
  gap=N drops every Nth and says so; late=MS sends all so much later; hold=AT,S holds everything back for S seconds once, from
  message AT on; deaf=AT,S stops reading from publishers, and answering them
  cut=AT,HOW[,K] ends the connections of K subscribers (all): frame bare (no close frame) rst half (only our direction) garbage;
  cutpub=AT,HOW those of publishers
Of connections:
  refuse=STATUS[,AFTER[,AT]] (those after AFTER others, until message AT) mute (never answers) noise (answers no HTTP) ready (says when one is subscribed) early=K (sends the last K
  messages before that)
Of publishers:
  ack=K says so K times; deny=N answers every Nth POST with 429; lazy=MS answers a POST so much later
"""
import asyncio
import base64
import collections
import hashlib
import json
import socket
import struct
import sys
import urllib.parse

DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
WORDS = {401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests", 503: "Service Unavailable"}
# Of a mark: rtb. run stream number due after.
NUMBER, DUE = slice(14, 21), slice(21, 31)


def edit(text, part, change):
    at = text.find("rtb.")
    mark = text[at:at + 39]
    value = 0
    for c in mark[part]:
        value = value * 64 + DIGITS.index(c)
    value = change(value)
    digits = ""
    for _ in range(part.stop - part.start):
        digits = DIGITS[value % 64] + digits
        value //= 64
    return text[:at] + mark[:part.start] + digits + mark[part.stop:] + text[at + 39:]


def frame(op, data):
    n = len(data)
    if n < 126:
        return struct.pack("!BB", 0x80 | op, n) + data
    if n < 65536:
        return struct.pack("!BBH", 0x80 | op, 126, n) + data
    return struct.pack("!BBQ", 0x80 | op, 127, n) + data


class Server:
    def __init__(self, lies):
        self.lies = {k: v.split(",") if v else [""] for k, _, v in (one.partition("=") for one in lies)}
        self.rooms = collections.defaultdict(set)
        self.recent = collections.defaultdict(lambda: collections.deque(maxlen=100000))
        self.counts = collections.Counter()
        self.n_deliveries = 0
        self.holding = None
        self.is_deaf = False
        self.waiting = collections.deque()
        self.publishers = set()

    def n(self, lie, i=0):
        """its number, or 0"""
        v = self.lies.get(lie, [])
        return float(v[i]) if i < len(v) and v[i] else 0

    def every(self, lie, number):
        n = int(self.n(lie))
        return n > 0 and number % n == 0

    # --- messages

    def publish(self, room, text):
        self.counts["messages"] += 1
        number = self.counts["messages"]
        loop = asyncio.get_running_loop()
        self.recent[room].append(text)
        if self.n("hold") and number == self.n("hold"):
            self.holding = []
            loop.call_later(self.n("hold", 1), self.release)
        if self.every("gap", number):
            for sub in self.rooms[room]:
                self.counts["gaps"] += 1
                sub.put('{"_op":"gap","_room":"%s","reason":"slow"}' % room)
        else:
            for sub in list(self.rooms[room]):
                if self.holding is not None:
                    self.holding.append((sub, room, text))
                elif self.n("late"):
                    self.waiting.append((loop.time() + self.n("late") / 1000, sub, room, text))
                    if len(self.waiting) == 1:
                        loop.call_at(self.waiting[0][0], self.late)
                else:
                    self.deliver(sub, room, text)
        if "cut" in self.lies and number == self.n("cut"):
            subs = sorted(self.rooms[room], key=lambda s: s.order)
            for sub in subs[:int(self.n("cut", 2)) or len(subs)]:
                self.counts["cut"] += 1
                sub.cut(self.lies["cut"][1])
        if "cutpub" in self.lies and number == self.n("cutpub"):
            for p in list(self.publishers):
                p.cut(self.lies["cutpub"][1])
        if self.n("deaf") and number == self.n("deaf"):
            self.deaf(True)
            loop.call_later(self.n("deaf", 1), self.deaf, False)

    def deaf(self, on):
        self.is_deaf = on
        for p in list(self.publishers):
            p.deaf(on)

    def release(self):
        held, self.holding = self.holding, None
        for one in held:
            self.deliver(*one)

    def late(self):
        loop = asyncio.get_running_loop()
        while self.waiting and self.waiting[0][0] <= loop.time():
            self.deliver(*self.waiting.popleft()[1:])
        if self.waiting:
            loop.call_at(self.waiting[0][0], self.late)

    def deliver(self, sub, room, text):
        self.n_deliveries += 1
        k = self.n_deliveries
        for lie in self.lies:
            if lie in LIES and self.every(lie, k):
                if LIES[lie](self, sub, room, text) is not False:
                    return
        self.send(sub, text)

    def send(self, sub, text):
        if sub.held is not None:
            held, sub.held = sub.held, None
            self.counts["swap"] += 1
            sub.put(text)
            text = held
        sub.put(text)

    # --- lies about a delivery; what they return False for is then sent as it is

    def drop(self, sub, room, text):
        self.counts["drop"] += 1

    def dup(self, sub, room, text):
        self.counts["dup"] += 1
        self.send(sub, text)
        sub.put(text)

    def swap(self, sub, room, text):
        if sub.held is not None:
            return False
        sub.held = text
        asyncio.get_running_loop().call_later(1, self.flush, sub, text)

    def flush(self, sub, text):
        """no other came"""
        if sub.held is text:
            sub.held = None
            sub.put(text)

    def phantom(self, sub, room, text):
        self.counts["phantom"] += 1
        sub.put(edit(text, NUMBER, lambda v: v + 1000000))
        return False

    def truncate(self, sub, room, text):
        self.counts["truncate"] += 1
        self.send(sub, text[:-1])

    def change(self, sub, room, text):
        self.counts["change"] += 1
        self.send(sub, text[:-12] + "y" + text[-11:])

    def clock(self, sub, room, text):
        self.counts["clock"] += 1
        self.send(sub, edit(text, DUE, lambda v: v // 2 if self.counts["clock"] % 2 else v * 2))

    def text(self, sub, room, text):
        self.counts["text"] += 1
        sub.put("the server says hello")
        return False

    def room(self, sub, room, text):
        other = [r for r in self.rooms if r != room and self.recent[r]]
        if other:
            self.counts["room"] += 1
            sub.put(self.recent[other[0]][-1])
        return False


LIES = {name: getattr(Server, name)
        for name in ("drop", "dup", "swap", "phantom", "truncate", "change", "clock", "text", "room")}


class Peer(asyncio.Protocol):
    order = 0

    def __init__(self, server):
        self.server = server
        self.data = b""
        self.kind = None
        self.held = None
        self.subscribed = self.has_ended = False
        self.answers = []  # POSTs without answer while deaf

    def connection_made(self, transport):
        self.transport = transport
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, why):
        s = self.server
        s.publishers.discard(self)
        if self.subscribed:
            s.rooms[self.room].discard(self)

    def data_received(self, data):
        self.data += data
        try:
            while (self.head() if self.kind is None else self.message()):
                pass
        except (ValueError, IndexError, KeyError):
            self.transport.abort()

    # --- HTTP

    def head(self):
        end = self.data.find(b"\r\n\r\n")
        s = self.server
        if end < 0 or "mute" in s.lies:
            return False
        lines = self.data[:end].decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        path, _, query = target.partition("?")
        fields = {k.strip().lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        self.room = urllib.parse.parse_qs(query).get("topic", [path.rsplit("/", 1)[1]])[0]
        if method == "POST":
            n = int(fields.get("content-length", 0))
            if len(self.data) < end + 4 + n:
                return False
            body = self.data[end + 4:end + 4 + n].decode()
            self.data = self.data[end + 4 + n:]
            s.publishers.add(self)
            if fields.get("content-type") == "application/x-www-form-urlencoded":
                form = urllib.parse.parse_qs(body, strict_parsing=True)
                self.room, body = form["topic"][0], form["data"][0]
            self.post(body)
            return True
        self.data = self.data[end + 4:]
        if path == "/counts":
            self.answer(200, json.dumps(dict(s.counts, deliveries=s.n_deliveries)))
        elif "noise" in s.lies:
            self.transport.write(b"SSH-2.0-liar\r\n")
        elif ("refuse" in s.lies and s.counts["taken"] >= s.n("refuse", 1) and
              not 0 < s.n("refuse", 2) <= s.counts["messages"]):
            s.counts["refused"] += 1
            self.answer(int(s.n("refuse")), '{"detail":"you may not, said the liar"}', "Retry-After: 1\r\n", close=True)
        elif fields.get("upgrade", "").lower() == "websocket":
            s.counts["taken"] += 1
            self.upgrade(fields["sec-websocket-key"], path)
        else:
            s.counts["taken"] += 1
            self.kind = "sse"
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            self.subscribe()
        return True

    def answer(self, status, body="", fields="", close=False):
        self.transport.write(("HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s" % (
            status, WORDS.get(status, "OK"), fields + ("Connection: close\r\n" if close else ""), len(body), body)).encode())
        if close:
            self.transport.close()

    def post(self, body):
        s = self.server
        s.counts["posts"] += 1
        if s.every("deny", s.counts["posts"]):
            s.counts["denied"] += 1
            self.answer(429, '{"detail":"you publish too much"}')
            return
        s.publish(self.room, body)
        if s.is_deaf:
            self.answers.append("{}")
        elif s.n("lazy"):
            asyncio.get_running_loop().call_later(s.n("lazy") / 1000, self.answer, 200, "{}")
        else:
            self.answer(200, "{}")

    def deaf(self, on):
        if self.transport.is_closing():
            return
        if on:
            self.transport.pause_reading()
        else:
            for body in self.answers:
                self.answer(200, body)
            self.answers = []
            self.transport.resume_reading()

    # --- WebSocket

    def upgrade(self, key, path):
        accept = base64.b64encode(hashlib.sha1((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        self.kind = "ws"
        self.transport.write(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: %s\r\n\r\n" % accept).encode())
        if path.startswith("/pub/"):
            self.server.publishers.add(self)
        else:
            self.subscribe()

    def subscribe(self):
        s = self.server
        if "early" in s.lies:
            for text in list(s.recent[self.room])[-int(s.n("early")):]:
                s.counts["early"] += 1
                self.put(text)
        if "ready" in s.lies:
            self.put('{"hello":"subscribed"}')
        self.subscribed = True
        Peer.order += 1
        self.order = Peer.order
        s.rooms[self.room].add(self)

    def message(self):
        d = self.data
        if self.kind == "sse" or len(d) < 2:
            return False
        n, at = d[1] & 127, 2
        if n == 126:
            n, at = (int.from_bytes(d[2:4], "big"), 4) if len(d) >= 4 else (1 << 62, 0)
        elif n == 127:
            n, at = (int.from_bytes(d[2:10], "big"), 10) if len(d) >= 10 else (1 << 62, 0)
        if len(d) < at + 4 + n:
            return False
        mask = (d[at:at + 4] * (n // 4 + 1))[:n]
        data = (int.from_bytes(d[at + 4:at + 4 + n], "big") ^ int.from_bytes(mask, "big")).to_bytes(n, "big")
        self.data = d[at + 4 + n:]
        op = d[0] & 15
        if op == 8:
            self.transport.write(frame(8, data[:2]))
            self.transport.close()
        elif op == 9:
            self.transport.write(frame(10, data))
        elif op in (1, 2):
            text = data.decode()
            room, space, rest = text.partition(" ")
            if space and not text.startswith("{"):
                self.server.publish(room, rest)
            else:
                self.server.publish(self.room, text)
            for _ in range(int(self.server.n("ack"))):
                self.server.counts["acks"] += 1
                self.put('{"ok":true}')
        return True

    def put(self, text):
        if self.transport.is_closing() or self.has_ended:
            return
        if self.kind == "ws":
            self.transport.write(frame(1, text.encode()))
        else:
            self.transport.write(("data: %s\n\n" % text).encode())

    def cut(self, how):
        if how == "frame":
            self.transport.write(frame(8, struct.pack("!H", 1001) + b"going away, said the liar"))
            self.transport.close()
        elif how == "half":
            self.has_ended = True
            self.transport.write_eof()
        elif how == "rst":
            self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        elif how == "garbage":
            self.transport.write(b"\xff\x7f garbage, not a frame")
        else:
            self.transport.close()


async def main():
    s = Server(sys.argv[1:])
    listener = await asyncio.get_running_loop().create_server(lambda: Peer(s), "127.0.0.1", 0, backlog=4096)
    print(json.dumps({"port": listener.sockets[0].getsockname()[1]}), flush=True)
    async with listener:
        await listener.serve_forever()


asyncio.run(main())
