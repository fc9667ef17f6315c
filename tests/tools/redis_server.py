"""redis_server.py - a Redis of a test's own: on a unix socket (and a free port, where asked), its directory, its life

Redis      starts redis-server; ask() sends it a command; kill(), stop(), start() again with the same data
It never is the machine's: nothing is found by name or by port 6379."""
import os, shutil, signal, socket, subprocess, tempfile, time
from rtclient import Bad, PATIENCE


def find_binary():
    """Debian's redis-tools have the server under another name, without a service that would start"""
    found = shutil.which("redis-server")
    if found:
        return [found], None
    tool = shutil.which("redis-check-rdb")
    if not tool:
        raise Bad("there is no redis-server here")
    return ["redis-server"], tool


class Reply(Exception):
    """an error that Redis answers"""


class Redis:
    def __init__(self, *args, port=False, start=True):
        self.dir = tempfile.mkdtemp(prefix="redis-", dir=os.environ.get("BATS_TEST_TMPDIR") or None)
        self.socket = os.path.join(self.dir, "s")
        self.args, self.with_port, self.port, self.proc, self.conn = list(args), port, 0, None, None
        if port:
            self.port = free_port()
        if start:
            self.start()

    def start(self):
        argv, executable = find_binary()
        deadline = time.monotonic() + PATIENCE
        argv += ["--port", str(self.port), "--unixsocket", self.socket, "--dir", self.dir, "--daemonize", "no",
                 "--save", "", "--appendonly", "yes", "--appendfsync", "always", "--bind", "127.0.0.1"] + self.args
        self.log = open(os.path.join(self.dir, "log"), "ab")
        self.proc = subprocess.Popen(argv, executable=executable, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        while True:
            try:
                self.connect()
                self.ask("PING")
                return self
            except (OSError, EOFError):
                pass
            except Reply as e:
                if "LOADING" not in str(e):
                    return self
            if self.proc.poll() is not None or time.monotonic() > deadline:
                raise Bad("redis-server does not start: %s" % open(os.path.join(self.dir, "log"), errors="replace").read()[-2000:])
            time.sleep(0.01)

    def connect(self):
        self.conn = socket.socket(socket.AF_UNIX)
        self.conn.settimeout(PATIENCE)
        self.conn.connect(self.socket)
        self.buf = b""

    def send(self, *args):
        args = [a if isinstance(a, bytes) else str(a).encode() for a in args]
        self.conn.sendall(b"*%d\r\n" % len(args) + b"".join(b"$%d\r\n%s\r\n" % (len(a), a) for a in args))

    def more(self):
        got = self.conn.recv(65536)
        if not got:
            raise EOFError
        self.buf += got

    def line(self):
        while b"\r\n" not in self.buf:
            self.more()
        got, self.buf = self.buf.split(b"\r\n", 1)
        return got

    def reply(self):
        line = self.line()
        kind, rest = line[:1], line[1:]
        if kind == b"-":
            raise Reply(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            n = int(rest)
            if n < 0:
                return None
            while len(self.buf) < n + 2:
                self.more()
            got, self.buf = self.buf[:n], self.buf[n + 2:]
            return got
        if kind == b"*":
            return None if rest == b"-1" else [self.reply() for _ in range(int(rest))]
        return rest

    def ask(self, *args):
        self.send(*args)
        return self.reply()

    def url(self, scheme="redis", query="", user="", tcp=False):
        if tcp:
            return "%s://%s127.0.0.1:%d%s" % (scheme, user, self.port, "?" + query if query else "")
        return "%s+unix://%s%s%s" % (scheme, user, self.socket, "?" + query if query else "")

    def freeze(self):
        self.proc.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.proc.send_signal(signal.SIGCONT)

    def kill(self):
        self.proc.kill()
        self.proc.wait()

    def stop(self):
        if self.proc and self.proc.poll() is None:
            self.proc.send_signal(signal.SIGCONT)
            self.kill()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.stop()


def free_port():
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    port = s.getsockname()[1]
    s.close()
    return port
