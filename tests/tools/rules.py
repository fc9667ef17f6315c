"""rules.py NAME - one rule of the protocol: a function below, alone with a server of its own"""
import json, sys
from rtclient import Bad, Refused, Server, Sse, Stream, Ws, http, request, Wire, read_answer


def expect(what, got, want):
    if got != want:
        raise Bad("%s: %r, not %r" % (what, got, want))


def everything():
    with Server() as s:
        wide, log = Ws(s.addr, [">"]), Ws(s.addr, ["_log"])
        brief = Sse(s.addr, ["a"])
        brief.next()
        brief.w.reset()
        expect("the record of the close", log.next().body["event"], "close")
        s.publish("b", {"n": 1})
        expect("the first message for everybody", wide.next().room, "b")


def internal():
    with Server() as s:
        for room in ("_log", "_stats", "_x"):
            a = http(s.addr, "POST", "/presence/" + room, body=b'{"user_id":"ada","type":"typing"}')
            expect("presence in " + room, a.status, 403)
        w = Ws(s.addr, ["a"])
        w.send({"_op": "presence", "_room": "a.*", "_ref": 3})
        o = w.next().body
        expect("presence of a pattern", (o["_op"], o["_ref"], o["code"]), ("error", 3, "invalid"))


def token():
    with Server() as s:
        for path in ("/ws/a", "/events/a", "/stream/a", "/poll/a", "/history/a", "/rooms", "/connections", "/presence/a",
                     "/metrics", "/healthz", "/nothing"):
            expect(path + "?token", http(s.addr, "GET", path + "?token=x").status, 501)
            expect(path + " Authorization", http(s.addr, "GET", path, ["Authorization: Bearer x"]).status, 501)
        for path in ("/pub/a", "/presence/a"):
            expect(path, http(s.addr, "POST", path + "?token=x", body=b"{}").status, 501)


def pings():
    """as often as --ping says, however long --pong is"""
    with Server("--ping", "100ms", "--pong", "1h") as s:
        w = Ws(s.addr, ["a"])
        for i in range(3):
            while True:
                f = w.take_frame()
                if f:
                    break
                w.w.fill()
            expect("frame %d" % i, f, (9, b""))
            w.w.send(w.frame(10))
        w.close()
    with Server("--ping", "50ms", "--pong", "100ms") as s:
        w, log = Ws(s.addr, ["a"]), Ws(s.addr, ["_log"])
        w.answers = False
        expect("the record", log.next().body["reason"], "no answer to a ping")
        log.close()


if __name__ == "__main__":
    try:
        globals()[sys.argv[1]]()
    except Refused as e:
        sys.exit("FAILED %s: %s" % (sys.argv[1], e))
    except Bad as e:
        sys.exit("FAILED %s: %s" % (sys.argv[1], e))
