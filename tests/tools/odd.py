#!/usr/bin/env python3
"""odd.py KIND [ADDRESS] - a server, or a proxy before the one at ADDRESS, that is odd in one way.

Prints the address it listens on, then serves until it is killed.

  echo      a WebSocket server that sends back what it gets
  drop      ... that sends back every message but each third
  refuse    answers every request 403
  busy      answers every request 503
  guard     a proxy that answers every request 407
  plain     answers every request 200 with a page: no WebSocket
  close     accepts connections and closes them at once
  silent    accepts connections and says nothing
  badkey    upgrades with a wrong Sec-WebSocket-Accept
  tls       answers every request 200 over TLS (cert.pem and key.pem of the directory)
  feed      an SSE stream of five events without marks, then silence
  strip     a proxy that passes no Upgrade header
  buffer    a proxy that hands the body of an answer on in pieces of 16 KiB
  hold      a proxy that hands an answer on when it has ended
  gather    a proxy that hands a request on when its body has ended, one for each connection
"""
import base64
import hashlib
import socket
import ssl
import struct
import sys
import threading

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def read_head(c):
    data = b""
    while b"\r\n\r\n" not in data:
        piece = c.recv(65536)
        if not piece:
            return None, b""
        data += piece
    head, rest = data.split(b"\r\n\r\n", 1)
    return head, rest


def header(head, name):
    for line in head.split(b"\r\n")[1:]:
        if line.lower().startswith(name + b":"):
            return line.split(b":", 1)[1].strip()
    return b""


def answer(c, status, kind, body):
    c.sendall(b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
              % (status, kind, len(body), body))
    c.shutdown(socket.SHUT_WR)  # what still comes is read, or a reset would eat the answer
    while c.recv(65536):
        pass


def upgrade(c, head, wrong=False):
    key = header(head, b"sec-websocket-key") + GUID
    accept = base64.b64encode(hashlib.sha1(key + (b"x" if wrong else b"")).digest())
    c.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Accept: %s\r\n\r\n" % accept)


def frames(c, rest):
    """Whole, unfragmented frames of a client: (opcode, payload)."""
    data = rest

    def need(n):
        nonlocal data
        while len(data) < n:
            piece = c.recv(65536)
            if not piece:
                raise EOFError
            data += piece

    while True:
        need(2)
        op, n, at = data[0] & 15, data[1] & 127, 2
        if n == 126:
            need(4)
            n, at = struct.unpack(">H", data[2:4])[0], 4
        elif n == 127:
            need(10)
            n, at = struct.unpack(">Q", data[2:10])[0], 10
        need(at + 4 + n)
        mask, body = data[at:at + 4], data[at + 4:at + 4 + n]
        data = data[at + 4 + n:]
        yield op, bytes(b ^ mask[i & 3] for i, b in enumerate(body))


def frame(op, payload):
    n = len(payload)
    head = bytes([0x80 | op, n]) if n < 126 else bytes([0x80 | op, 126]) + struct.pack(">H", n)
    return head + payload


def echo(c, each=0):
    head, rest = read_head(c)
    upgrade(c, head)
    n = 0
    for op, payload in frames(c, rest):
        n += 1
        if op == 8:
            c.sendall(frame(8, payload))
            return
        if op == 9:
            c.sendall(frame(10, payload))
        elif not each or n % each:
            c.sendall(frame(op, payload))


def feed(c):
    read_head(c)
    c.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
    for i in range(5):
        c.sendall(b"data: {\"tick\":%d}\n\n" % i)
    c.recv(1)


def gather(c, to):
    """A proxy that keeps a request until all of it is there, and knows its length then."""
    head, data = read_head(c)
    if head is None:
        return
    body = b""
    if header(head, b"transfer-encoding"):
        size = None
        while size != 0:
            while b"\r\n" not in data:
                data += c.recv(65536) or stop()
            line, data = data.split(b"\r\n", 1)
            size = int(line, 16)
            while len(data) < size + 2:
                data += c.recv(65536) or stop()
            body, data = body + data[:size], data[size + 2:]
    lines = [line for line in head.split(b"\r\n")
             if not line.lower().startswith((b"transfer-encoding:", b"connection:"))]
    lines += [b"Content-Length: %d" % len(body), b"Connection: close"]
    up = socket.create_connection(to)
    up.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
    pump(up, c)


def stop():
    raise EOFError


def pump(a, b):
    try:
        while True:
            data = a.recv(65536)
            if not data:
                break
            b.sendall(data)
    except OSError:
        pass
    try:
        b.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def proxy(c, to, kind):
    """One request: its head as it is (or without Upgrade), its body, and the answer, late."""
    head, rest = read_head(c)
    if head is None:
        return
    if kind == "strip" or b"upgrade: websocket" not in head.lower():
        lines = [line for line in head.split(b"\r\n")
                 if not line.lower().startswith((b"upgrade:", b"connection:"))]
        head = b"\r\n".join(lines + [b"Connection: close"])
    up = socket.create_connection(to)
    up.sendall(head + b"\r\n\r\n" + rest)
    threading.Thread(target=pump, args=(c, up), daemon=True).start()
    if kind == "strip" or b"upgrade: websocket" in head.lower() or head.startswith(b"POST"):
        pump(up, c)
        return
    answer_head, held = read_head(up)
    if answer_head is None:
        return
    if kind == "buffer":
        c.sendall(answer_head + b"\r\n\r\n")
    else:
        held = answer_head + b"\r\n\r\n" + held
    while True:
        while kind == "buffer" and len(held) >= 16384:
            c.sendall(held[:16384])
            held = held[16384:]
        data = up.recv(65536)
        if not data:
            break
        held += data
    c.sendall(held)


def serve(c, kind, to):
    try:
        if kind == "tls":
            tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            tls.load_cert_chain("cert.pem", "key.pem")
            c = tls.wrap_socket(c, server_side=True)
        if kind == "echo":
            echo(c)
        elif kind == "drop":
            echo(c, 3)
        elif kind == "refuse":
            read_head(c)
            answer(c, b"403 Forbidden", b"application/problem+json", b'{"detail":"not for you"}')
        elif kind == "busy":
            read_head(c)
            answer(c, b"503 Service Unavailable", b"text/plain", b"later")
        elif kind == "guard":
            read_head(c)
            answer(c, b"407 Proxy Authentication Required", b"text/html", b"<p>who are you?")
        elif kind in ("plain", "tls"):
            read_head(c)
            answer(c, b"200 OK", b"text/html", b"<p>hello")
        elif kind == "badkey":
            upgrade(c, read_head(c)[0], True)
            c.recv(1)
        elif kind == "feed":
            feed(c)
        elif kind == "silent":
            while c.recv(65536):
                pass
        elif kind == "gather":
            gather(c, to)
        elif kind in ("strip", "buffer", "hold"):
            proxy(c, to, kind)
    except (OSError, EOFError):
        pass
    finally:
        c.close()


def main():
    kind = sys.argv[1]
    to = None
    if len(sys.argv) > 2:
        host, port = sys.argv[2].rsplit(":", 1)
        to = (host, int(port))
    s = socket.create_server(("127.0.0.1", 0), backlog=512)
    print("127.0.0.1:%d" % s.getsockname()[1], flush=True)
    while True:
        c, _ = s.accept()
        threading.Thread(target=serve, args=(c, kind, to), daemon=True).start()


main()
