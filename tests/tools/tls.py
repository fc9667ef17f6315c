#!/usr/bin/env python3
"""tls.py CERT KEY PORT [CA] - ends TLS in front of a server on 127.0.0.1:PORT, as a proxy does

Prints its own port. With CA only clients with a certificate of it are let in."""
import select, socket, ssl, sys, threading

cert, key, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
if len(sys.argv) > 4:
    context.load_verify_locations(sys.argv[4])
    context.verify_mode = ssl.CERT_REQUIRED


class Pair:
    """one connection: an SSLSocket must not be read and written at the same time, so a lock goes around each call,
    and its reader waits outside of it"""

    def __init__(self, raw):
        self.raw, self.lock = raw, threading.Lock()

    def run(self):
        self.tls = context.wrap_socket(self.raw, server_side=True, do_handshake_on_connect=False)
        try:
            self.tls.do_handshake()
        except OSError:
            self.refuse()
            return
        self.plain = socket.create_connection(("127.0.0.1", port))
        self.tls.setblocking(False)
        threading.Thread(target=self.inwards, daemon=True).start()
        self.outwards()

    def refuse(self):
        """the alert must reach the client, so the connection is not reset under it"""
        with socket.socket(fileno=self.tls.detach()) as raw:
            try:
                raw.shutdown(socket.SHUT_WR)
                while raw.recv(65536):
                    pass
            except OSError:
                pass

    def inwards(self):
        try:
            while True:
                data = self.read()
                if not data:
                    break
                self.plain.sendall(data)
            self.plain.shutdown(socket.SHUT_WR)
        except OSError:
            self.end()

    def read(self):
        while True:
            try:
                with self.lock:
                    return self.tls.recv(65536)
            except ssl.SSLWantReadError:
                self.wait(read=True)

    def outwards(self):
        try:
            while True:
                data = self.plain.recv(65536)
                if not data:
                    break
                self.write(data)
        except OSError:
            pass
        self.end()

    def write(self, data):
        while data:
            try:
                with self.lock:
                    data = data[self.tls.send(data):]
            except ssl.SSLWantWriteError:
                self.wait(read=False)

    def wait(self, read):
        select.select([self.tls] if read else [], [] if read else [self.tls], [])

    def end(self):
        for s in self.tls, self.plain:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen(64)
print(listener.getsockname()[1], flush=True)
while True:
    threading.Thread(target=Pair(listener.accept()[0]).run, daemon=True).start()
