#!/usr/bin/env python3
"""model.py RT-CRDT-MERGE [SEED [HISTORIES]] - an independent, slow model of every type, compared on random histories.

Replicas write, exchange whole states in any order, some twice, some never (partitions); each replica's state is written out
by this model and joined by the program. States are sets of dots and plain dictionaries here, contexts are sets, joins are the
textbook definitions; nothing is shared with the C code but the format. Prints TAP.
"""
import json
import os
import random
import subprocess
import sys
import tempfile

TOOL = sys.argv[1]
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
HISTORIES = int(sys.argv[3]) if len(sys.argv) > 3 else 60
rnd = random.Random(SEED)
NODES = ['a', 'b', 'b\0', 'é', 'z"\\']
ELEMS = ['x', 'xy', '', 'é\n\0', 1, 12, 1.5, 1.0, 1e300, 1e-7, None, True, [1, {'k': 'v', 'a': []}], {'b': 1, 'a': '\U0001f600\uffff'}]
NAMES = ['u', 'u\0', 'v', 'v/~']


def text(v):
    return json.dumps(v, sort_keys=True, ensure_ascii=False, separators=(',', ':'))


def raw(v):
    return text(v).encode()


# --- a type: fresh(), write(state, replica), join, state(), value() ------------------------------

class Slots:
    halves = ('',)

    def __init__(self):
        self.s = {h: {} for h in self.halves}

    def write(self, n, r):
        h = rnd.choice(self.halves)
        self.s[h][n] = self.s[h].get(n, 0) + rnd.choice([0, 1, 5, 2 ** 40])

    def join(self, o):
        j = type(self)()
        for h in self.halves:
            for n in set(self.s[h]) | set(o.s[h]):
                j.s[h][n] = max(self.s[h].get(n, 0), o.s[h].get(n, 0))
        return j


class gcounter(Slots):
    def state(self):
        return self.s['']

    def value(self):
        return sum(self.s[''].values())


class pncounter(Slots):
    halves = ('n', 'p')

    def state(self):
        return self.s

    def value(self):
        return sum(self.s['p'].values()) - sum(self.s['n'].values())


class bcounter:
    def __init__(self):
        self.r, self.u = {}, {}

    def left(self, n):
        return (sum(c for (f, t), c in self.r.items() if t == n)
                - sum(c for (f, t), c in self.r.items() if f == n and t != n) - self.u.get(n, 0))

    def write(self, n, r):
        what, left = rnd.randrange(3), self.left(n)
        to = n if what == 0 else rnd.choice([m for m in NODES if m != n])
        if what == 0:
            self.r[n, n] = self.r.get((n, n), 0) + rnd.randrange(1, 9)
        elif left > 0 and what == 1:
            self.r[n, to] = self.r.get((n, to), 0) + rnd.randrange(1, left + 1)
        elif left > 0:
            self.u[n] = self.u.get(n, 0) + rnd.randrange(1, left + 1)

    def join(self, o):
        j = bcounter()
        j.r = {k: max(self.r.get(k, 0), o.r.get(k, 0)) for k in set(self.r) | set(o.r)}
        j.u = {k: max(self.u.get(k, 0), o.u.get(k, 0)) for k in set(self.u) | set(o.u)}
        return j

    def state(self):
        rows = {}
        for (f, t), c in self.r.items():
            rows.setdefault(f, {})[t] = c
        return {'r': rows, 'u': self.u}

    def value(self):
        return sum(c for (f, t), c in self.r.items() if f == t) - sum(self.u.values())


class Extreme:
    def __init__(self):
        self.v = None

    def write(self, n, r):
        self.v = self.pick(self.v, rnd.choice([0, 1, 1.0, -1, 2 ** 53, 2.0 ** 53, 2 ** 53 - 1, 1.5, 1e20, -2.5, 9007199254740993]))

    def join(self, o):
        j = type(self)()
        j.v = self.pick(self.v, o.v)
        return j

    @classmethod
    def pick(cls, a, b):
        if a is None or b is None:
            return b if a is None else a
        return cls.which(a, b, key=lambda v: (__import__('fractions').Fraction(v), raw(v)))

    def state(self):
        return self.v

    value = state


class max_(Extreme):
    which = staticmethod(max)


class min_(Extreme):
    which = staticmethod(min)


class gset:
    def __init__(self):
        self.s = {}

    def write(self, n, r):
        e = rnd.choice(ELEMS)
        self.s[raw(e)] = e

    def join(self, o):
        j = gset()
        j.s = {**self.s, **o.s}
        return j

    def state(self):
        return [self.s[k] for k in sorted(self.s)]

    value = state


class tset:
    def __init__(self):
        self.a, self.r = gset(), gset()

    def write(self, n, r):
        self.a.write(n, r)
        if rnd.random() < 0.4:
            k = rnd.choice(sorted(self.a.s))
            self.r.s[k] = self.a.s[k]

    def join(self, o):
        j = tset()
        j.a, j.r = self.a.join(o.a), self.r.join(o.r)
        return j

    def state(self):
        return {'a': self.a.state(), 'r': self.r.state()}

    def value(self):
        return [self.a.s[k] for k in sorted(set(self.a.s) - set(self.r.s))]


def stamp():
    return rnd.choice([1, 2, 2.5, 3, 10, 1700000000, 1700000000.25])


def lww_rank(e):
    return (e['timestamp'], e['node_id'].encode(), 'deleted' in e, raw(e.get('value')))


def lww_entry(n, may_delete=True):
    e = {'timestamp': stamp(), 'node_id': n}
    if may_delete and rnd.random() < 0.2:
        e['deleted'] = True
    else:
        e['value'] = rnd.choice(ELEMS)
    return e


class lwwmap:
    keys = NAMES

    def __init__(self):
        self.s = {}

    def write(self, n, r):
        self.put(rnd.choice(self.keys), lww_entry(n))

    def put(self, k, e):
        if k not in self.s or lww_rank(self.s[k]) < lww_rank(e):
            self.s[k] = e

    def join(self, o):
        j = type(self)()
        for s in (self.s, o.s):
            for k, e in s.items():
                j.put(k, e)
        return j

    def state(self):
        return self.s

    def value(self):
        return {k: e['value'] for k, e in self.s.items() if 'deleted' not in e}


class lww(lwwmap):
    keys = ['']

    def state(self):
        return self.s.get('', {'node_id': '', 'timestamp': 0, 'value': None})

    def value(self):
        return self.s.get('', {}).get('value')


# --- causal types: nested dictionaries down to {dot: content}, and a set of seen dots -------------

def join_store(a, ca, b, cb):
    if isinstance(a, Dots) or isinstance(b, Dots):
        a, b = a or Dots(), b or Dots()
        out = Dots()
        for d in set(a) | set(b):
            if d in a and d in b or d in a and d not in cb or d in b and d not in ca:
                out[d] = a.get(d, b.get(d))
        return out
    out = {}
    for k in set(a or {}) | set(b or {}):
        v = join_store((a or {}).get(k), ca, (b or {}).get(k), cb)
        if v:
            out[k] = v
    return out


class Dots(dict):
    pass


def dot_key(d):
    return (d[0].encode(), d[1])


def dot_list(ds):
    return [list(d) for d in sorted(ds, key=dot_key)]


class Causal:
    def __init__(self):
        self.store, self.seen = self.empty(), set()

    empty = dict

    def fresh(self, n):
        d = (n, max([s for m, s in self.seen if m == n], default=0) + 1)
        self.seen.add(d)
        return d

    def join(self, o):
        j = type(self)()
        j.store = join_store(self.store, self.seen, o.store, o.seen)
        j.seen = self.seen | o.seen
        return j

    def write(self, n, r):
        self.store = self.edit(self.store, n)

    def state(self):
        return self.show(self.store)

    def value(self):
        return self.read(self.store)

    def ctx(self):
        vv, cloud = {}, []
        for n in {m for m, s in self.seen}:
            seqs, top = {s for m, s in self.seen if m == n}, 0
            while top + 1 in seqs:
                top += 1
            if top:
                vv[n] = top
            cloud += [(n, s) for s in seqs if s > top]
        return {'vv': vv, **({'cloud': dot_list(cloud)} if cloud else {})}


class orset(Causal):
    def edit(self, store, n):
        store = dict(store or {})
        k = raw(rnd.choice(ELEMS))
        store.pop(k, None)
        if rnd.random() < 0.65:
            store[k] = Dots({self.fresh(n): None})
        return store

    @staticmethod
    def show(store):
        return [[json.loads(k), dot_list(store[k])] for k in sorted(store)]

    @staticmethod
    def read(store):
        return [json.loads(k) for k in sorted(store)]


class rwset(Causal):
    def edit(self, store, n):
        store = dict(store or {})
        store[raw(rnd.choice(ELEMS))] = {rnd.choice('ar'): Dots({self.fresh(n): None})}
        return store

    @staticmethod
    def show(store):
        return [[json.loads(k), {t: dot_list(ds) for t, ds in store[k].items()}] for k in sorted(store)]

    @staticmethod
    def read(store):
        return [json.loads(k) for k in sorted(store) if set(store[k]) == {'a'}]


class Flag(Causal):
    empty = Dots

    def edit(self, store, n):
        return Dots({self.fresh(n): None}) if rnd.random() < 0.6 else Dots()

    show = staticmethod(dot_list)


class ewflag(Flag):
    read = staticmethod(lambda store: len(store) > 0)


class dwflag(Flag):
    read = staticmethod(lambda store: len(store) == 0)


class mvreg(Causal):
    empty = Dots

    def edit(self, store, n):
        return Dots({self.fresh(n): rnd.choice(ELEMS)})

    @staticmethod
    def show(store):
        return [[d[0], d[1], store[d]] for d in sorted(store, key=dot_key)]

    @staticmethod
    def read(store):
        return [store[d] for d in sorted(store, key=dot_key)]


class lwwr(mvreg):
    def edit(self, store, n):
        return Dots({self.fresh(n): lww_entry(n, False)})

    @staticmethod
    def read(store):
        return max(store.values(), key=lww_rank)['value']


class ccounter(mvreg):
    def edit(self, store, n):
        mine = [store[d] for d in store or () if d[0] == n]
        out = Dots({d: v for d, v in (store or {}).items() if d[0] != n})
        up, down = (mine[0] if mine else [0, 0])
        out[self.fresh(n)] = [up + rnd.randrange(4), down + rnd.randrange(3)]
        return out

    @staticmethod
    def read(store):
        return sum(p - m for p, m in store.values())


CHILDREN = {c.__name__: c for c in (orset, rwset, ewflag, dwflag, mvreg, lwwr, ccounter)}


class ormap(Causal):
    depth = 0

    def edit(self, store, n, depth=0):
        store = {k: dict(v) for k, v in (store or {}).items()}
        k = rnd.choice(NAMES)
        if rnd.random() < 0.15:
            store.pop(k, None)
            return store
        t = rnd.choice(sorted(CHILDREN) + ['ormap'] * (depth < 2))
        old = store.get(k, {}).get(t)
        new = self.edit(old, n, depth + 1) if t == 'ormap' else CHILDREN[t].edit(self, old if old else CHILDREN[t].empty(), n)
        store.setdefault(k, {})[t] = new
        if not new:
            del store[k][t]
        if not store[k]:
            del store[k]
        return store

    @staticmethod
    def show(store):
        return {k: {t: {**CHILDREN, 'ormap': ormap}[t].show(s) for t, s in v.items()} for k, v in store.items()}

    @staticmethod
    def read(store):
        return {k: {t: {**CHILDREN, 'ormap': ormap}[t].read(s) for t, s in v.items()} for k, v in store.items()}


TYPES = {'gcounter': gcounter, 'pncounter': pncounter, 'bcounter': bcounter, 'max': max_, 'min': min_, 'gset': gset,
         '2pset': tset, 'lww': lww, 'lwwmap': lwwmap, 'orset': orset, 'rwset': rwset, 'ewflag': ewflag, 'dwflag': dwflag,
         'mvreg': mvreg, 'ccounter': ccounter, 'ormap': ormap}


def document(name, s, doc_id):
    d = {'crdt': name + '/1', 'id': doc_id, 'state': s.state()}
    if isinstance(s, Causal):
        d['ctx'] = s.ctx()
    return d


def scrambled(v):
    """The same value as another writer would spell it."""
    if isinstance(v, dict):
        items = list(v.items())
        rnd.shuffle(items)
        return '{' + rnd.choice(['', ' ', '\t']) + ', '.join(json.dumps(k) + ' : ' + scrambled(e) for k, e in items) + '}'
    if isinstance(v, list):
        return '[ ' + ','.join(scrambled(e) for e in v) + ']'
    return json.dumps(v, ensure_ascii=rnd.random() < 0.5)


def history(cls):
    """A few replicas that write and sometimes hear of each other."""
    reps = {n: cls() for n in rnd.sample(NODES, 4)}
    for _ in range(rnd.randrange(1, 24)):
        n = rnd.choice(list(reps))
        if rnd.random() < 0.35:
            reps[n] = reps[n].join(reps[rnd.choice(list(reps))])
        else:
            reps[n].write(n, reps[n])
    return list(reps.values())


tests = failed = 0


def ok(held, name, detail=''):
    global tests, failed
    tests += 1
    failed += not held
    print('%sok %d - %s' % ('' if held else 'not ', tests, name))
    if not held:
        print('\n'.join('# ' + l[:600] for l in detail.splitlines()[:8]))


def run(*args, status=(0,)):
    p = subprocess.run([TOOL, '-q', *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if p.returncode not in status:
        raise SystemExit('not ok - %s: status %d: %s' % (args, p.returncode, p.stderr.decode()[:500]))
    return p.stdout


def differ(got, want):
    for g, w in zip(got.splitlines(), want.splitlines()):
        if g != w:
            return 'got  %s\nwant %s' % (g.decode(), w.decode())
    return 'got %d lines, want %d' % (len(got.splitlines()), len(want.splitlines()))


def main():
    for name, cls in TYPES.items():
        with tempfile.TemporaryDirectory() as d:
            os.chdir(d)
            files = [[] for _ in range(4)]
            spelled = [[] for _ in range(4)]
            want, values = [], []
            for h in range(HISTORIES):
                doc_id = '%04d' % h
                reps = history(cls)
                for i, s in enumerate(reps):
                    doc = document(name, s, doc_id)
                    files[i].append(text(doc))
                    spelled[i].append(scrambled(doc))
                joined = reps[0].join(reps[1]).join(reps[2].join(reps[3]))
                want.append(text(document(name, joined, doc_id)))
                values.append(text(joined.value()))
            want, values = ['\n'.join(l).encode() + b'\n' for l in (want, values)]
            for i in range(4):
                for kind, lists in (('f', files), ('s', spelled)):
                    open('%s%d' % (kind, i), 'w', encoding='utf-8').write('\n'.join(lists[i]) + '\n')
            got = run('f0', 'f1', 'f2', 'f3')
            ok(got == want, '%s: the join is the model\'s' % name, differ(got, want))
            got = run('f3', 's1', 'f0', 's2', 's2', 'f1', 's0')
            ok(got == want, '%s: any order, spelling and repetition' % name, differ(got, want))
            open('p', 'wb').write(run('f1', 's3'))
            open('q', 'wb').write(run('p', 'f0'))
            got = run('q', 'f2', 'p')
            ok(got == want, '%s: any grouping' % name, differ(got, want))
            got = run('value', 'f0', 'f1', 'f2', 'f3')
            ok(got == values, '%s: the value is the model\'s' % name, differ(got, values))
            want_f = open('f2', 'rb').read()
            got = run('fmt', 's2')
            ok(got == want_f, '%s: fmt is canonical' % name, differ(got, want_f))
            good = True
            for h in range(0, HISTORIES, max(1, HISTORIES // 8)):
                for i, n in ((0, 'A'), (1, 'B')):
                    open(n, 'w', encoding='utf-8').write(files[i][h] + '\n')
                open('D', 'wb').write(run('delta', 'A', 'B'))
                good &= run('A', 'D') == run('A', 'B') and run('D', 'A') == run('B', 'A')
                open('E', 'wb').write(run('delta', 'B', 'B'))
                good &= run('B', 'E') == run('B')
                d = json.loads(open('D').read())
                if run('A', 'B') == run('A'):
                    good &= not d['state'] or name in ('pncounter', 'bcounter', '2pset', 'lww') and not d.get('ctx', {}).get('vv')
            ok(good, '%s: A with its delta to B is A with B' % name)
    print('1..%d' % tests)
    sys.exit(failed != 0)


main()
