"""clients.py - clients from PyPI against rt-serve: websockets (asyncio), httpx with httpx-sse, and what Python's own http.client does"""

import asyncio
import http.client
import json
import os
import signal
import subprocess
import sys
import traceback

import httpx
import websockets
from httpx_sse import connect_sse
from websockets.asyncio.client import connect

LIMIT = 10
BIN = os.environ["RT_BIN"]


class Server:
    """An rt-serve of one's own on a free port of loopback, or on a given one."""

    def __init__(self, *args, port=0):
        self.child = subprocess.Popen(
            [f"{BIN}/rt-serve", "-l", str(port), *args], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.address = json.loads(self.child.stdout.readline())["listen"][0]
        self.port = int(self.address.split(":")[1])
        self.http = f"http://{self.address}"
        self.ws = f"ws://{self.address}"

    def stop(self, sig=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(sig)
        self.child.stdout.close()
        return self.child.wait(LIMIT)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()

    def publish(self, room, message):
        text = message if isinstance(message, (str, bytes)) else json.dumps(message)
        answer = httpx.post(f"{self.http}/pub/{room}", content=text, timeout=LIMIT)
        assert answer.status_code == 200, answer.text
        return answer.json()["_id"]


async def get(ws):
    return json.loads(await asyncio.wait_for(ws.recv(), LIMIT))


async def find(ws, fits):
    while True:
        m = await get(ws)
        if fits(m):
            return m


async def websockets_chat():
    """websockets: chat, stamping, typing, leaving"""
    with Server("--presence-grace", "0") as s:
        async with connect(f"{s.ws}/ws/lobby?user_id=ada") as ada, connect(f"{s.ws}/ws/lobby?user_id=bob") as bob:
            assert (await get(ada))["type"] == "user_joined"
            await ada.send(json.dumps({"type": "chat", "text": "h\u00e9llo"}))
            one, two = await get(ada), await get(bob)
            assert one == two and one["user_id"] == "ada" and one["text"] == "h\u00e9llo"
            await bob.send('{"type":"typing"}')
            assert await find(ada, lambda m: True) | {"_ts": 0} == {
                "_room": "lobby", "_ts": 0, "type": "typing", "user_id": "bob"}
            await bob.close()
            assert (await get(ada))["type"] == "user_left"


async def websockets_fragments():
    """websockets: a message in fragments, a ping, an answer to what is malformed"""
    with Server() as s:
        async with connect(f"{s.ws}/ws/lobby?meta=0", subprotocols=["rt.json"]) as ws:
            assert ws.subprotocol == "rt.json"
            await ws.send(['{"a"', ":", "", "[1,", "2]}"])
            assert await asyncio.wait_for(ws.recv(), LIMIT) == '{"a":[1,2]}'
            latency = await asyncio.wait_for(await ws.ping("data"), LIMIT)
            assert latency >= 0
            await ws.send("nonsense")
            assert (await get(ws))["_op"] == "error"
            big = json.dumps({"t": "\u00e9" * 400000}, ensure_ascii=False)
            await ws.send(big)
            assert await asyncio.wait_for(ws.recv(), LIMIT) == big


async def websockets_closes():
    """websockets: close codes 1003 for binary, 1009 for too much, 1012 for a restart"""
    with Server() as s:
        async def code_of(send):
            async with connect(f"{s.ws}/ws/lobby", max_size=None) as ws:
                await send(ws)
                try:
                    while True:
                        await asyncio.wait_for(ws.recv(), LIMIT)
                except websockets.ConnectionClosed as e:
                    return e.rcvd.code if e.rcvd else None

        assert await code_of(lambda ws: ws.send(b"{}")) == 1003
        assert await code_of(lambda ws: ws.send("x" * 2_000_000)) == 1009

        async def restart(ws):
            s.child.send_signal(signal.SIGTERM)

        assert await code_of(restart) == 1012


async def websockets_reconnect():
    """websockets: its reconnecting iterator comes back after a restart and is told the gap"""
    s = Server()
    try:
        s2, last, seen = None, "latest", []

        def url(uri=None):
            return f"{s.ws}/ws/lobby?since={last}"

        async def session():
            nonlocal last, s2
            while len(seen) < 3:
                try:
                    async with connect(url(), open_timeout=LIMIT) as ws:
                        async for text in ws:
                            m = json.loads(text)
                            last = m.get("at") or m.get("_id") or last
                            if m.get("_op") in ("subscribed", "heartbeat"):
                                if not seen:
                                    s.publish("lobby", {"n": 1})
                                continue
                            seen.append(m.get("_op") or m["n"])
                            if seen == [1]:
                                s.stop(signal.SIGKILL)
                                s2 = Server(port=s.port)
                                s2.publish("lobby", {"n": 2})
                            if len(seen) == 3:
                                return
                except websockets.ConnectionClosed:
                    pass

        await asyncio.wait_for(session(), 3 * LIMIT)
        assert seen == [1, "gap", 2], seen
    finally:
        s.stop()
        if s2:
            s2.stop()


async def websockets_many():
    """websockets: fifty connections each receive 100 messages, in order"""
    with Server() as s:
        all_ws = [await connect(f"{s.ws}/ws/lobby?meta=0") for _ in range(50)]
        for n in range(100):
            await all_ws[n % 50].send(json.dumps({"n": n, "_ref": n}))
            while (await get(all_ws[n % 50])).get("_op") != "ack":
                pass
        s.publish("lobby", {"n": "end"})
        for ws in all_ws[:5]:
            await find(ws, lambda m: m.get("n") == "end")
        for ws in all_ws[5:]:
            await ws.close()
        async with connect(f"{s.ws}/ws/lobby?meta=0&since=earliest") as ws:
            await get(ws)
            assert [(await get(ws))["n"] for _ in range(100)] == list(range(100))
        for ws in all_ws[:5]:
            await ws.close()


async def httpx_sse_reads():
    """httpx-sse: events with their ids, resuming by Last-Event-ID, the gap as an event"""
    with Server() as s:
        first = s.publish("lobby", {"n": 0})
        ids = [s.publish("lobby", {"n": n}) for n in range(1, 4)]
        with httpx.Client(timeout=LIMIT) as client:
            def read(n, last):
                with connect_sse(client, "GET", f"{s.http}/events/lobby", headers={"Last-Event-ID": last}) as source:
                    assert source.response.headers["content-type"].startswith("text/event-stream")
                    events = (e for e in source.iter_sse() if e.data)
                    return [next(events) for _ in range(n)]

            got = read(3, first)
            assert [json.loads(e.data)["n"] for e in got] == [1, 2, 3]
            assert [e.id for e in got] == ids
            assert [e.event for e in got] == ["message"] * 3
            gap = read(1, "0123456789abcdef-77")[0]
            assert gap.event == "gap" and json.loads(gap.data)["at"] == gap.id


async def httpx_streams():
    """httpx: the NDJSON stream by lines, a streamed POST, polls on one connection"""
    with Server() as s, httpx.Client(timeout=LIMIT) as client:
        def lines():
            for n in range(200):
                yield b'{"n":%d}\n' % n

        answer = client.post(f"{s.http}/pub/lobby", content=lines(), headers={"Content-Type": "application/x-ndjson"})
        assert json.loads(answer.text.splitlines()[-1]) == {"accepted": 200, "refused": 0}
        with client.stream("GET", f"{s.http}/stream/lobby?since=earliest") as stream:
            got = []
            for line in stream.iter_lines():
                m = json.loads(line) if line else {}
                if "n" in m:
                    got.append(m["n"])
                if len(got) == 200:
                    break
        assert got == list(range(200))
        at = client.get(f"{s.http}/poll/lobby").headers["rt-next"]
        s.publish("lobby", {"n": "x"})
        polled = client.get(f"{s.http}/poll/lobby", params={"since": at})
        assert json.loads(polled.text)["n"] == "x"
        assert polled.headers["rt-next"] == json.loads(polled.text)["_id"]


async def http_client():
    """http.client: keep-alive over all methods, chunked bodies of odd sizes"""
    with Server() as s:
        c = http.client.HTTPConnection("127.0.0.1", s.port, timeout=LIMIT)
        text = json.dumps({"t": "x" * 5000}).encode()
        for size in (1, 7, 4096):
            pieces = [text[i:i + size] for i in range(0, len(text), size)]
            c.request("POST", "/pub/lobby", body=iter(pieces), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
            r = c.getresponse()
            assert r.status == 200, r.read()
            assert "_id" in json.loads(r.read())
        port = c.sock.getsockname()[1]
        c.request("GET", "/history/lobby")
        r = c.getresponse()
        assert len(r.read().splitlines()) == 3
        c.request("HEAD", "/history/lobby")
        r = c.getresponse()
        assert r.status == 200 and r.read() == b""
        assert c.sock.getsockname()[1] == port
        c.close()


TESTS = [websockets_chat, websockets_fragments, websockets_closes, websockets_reconnect, websockets_many, httpx_sse_reads,
         httpx_streams, http_client]


def main():
    only = sys.argv[1] if len(sys.argv) > 1 else ""
    chosen = [t for t in TESTS if only in t.__name__]
    good = True
    for n, test in enumerate(chosen, 1):
        try:
            asyncio.run(asyncio.wait_for(test(), 60))
            print(f"ok {n} - {test.__doc__}")
        except BaseException:
            good = False
            print(f"not ok {n} - {test.__doc__}")
            print("    " + traceback.format_exc().replace("\n", "\n    "))
        sys.stdout.flush()
    print(f"1..{len(chosen)}")
    return 0 if good else 1


sys.exit(main())
