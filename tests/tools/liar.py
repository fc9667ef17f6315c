#!/usr/bin/env python3
"""liar.py RULE FILE - a server of long polls that waits for nothing; a line in FILE for each poll it got

Prints its port. RULE is a list of answers, a letter each, the last one for ever:
  e  204 at once, though there is nothing        E  the same with a position that moved
  o  200 with a body that is empty               m  one message
"""
import http.server, sys

EPOCH = "00000000000000aa-"
rule, counted = sys.argv[1], open(sys.argv[2], "w", buffering=1)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    polls, position = 0, 0

    def do_GET(self):
        what = rule[min(Handler.polls, len(rule) - 1)]
        Handler.polls += 1
        counted.write("%s\n" % what)
        body = b""
        if what in "mE":
            Handler.position += 1
        if what == "m":
            body = b'{"_id":"%s%d","_room":"a","n":%d}\n' % (EPOCH.encode(), self.position, self.position)
        self.send_response(204 if what in "eE" else 200)
        self.send_header("Rt-Next", "%s%d" % (EPOCH, self.position))
        if what in "om":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
