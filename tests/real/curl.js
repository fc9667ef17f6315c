// curl.js - what people type: curl -N for streams, -d and -T to publish, poll loops; and HTTP/1.1 by the byte where curl is too polite
'use strict';
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');
const { Queue, assert, execute, history, json_lines, publish, run, test, within } = require('./lib');

const curl = (args, options) => execute('curl', ['-sS', '-m', '20', ...args], options);

/* The answer as {status, headers, body}. */
async function ask(args, options) {
	const { code, stdout, stderr } = await curl(['-i', ...args], options);
	assert.equal(code, 0, stderr);
	const answers = stdout.split(/^(?=HTTP\/1\.1 )/m), last = answers[answers.length - 1];
	const at = last.indexOf('\r\n\r\n');
	const [first, ...fields] = last.slice(0, at).split('\r\n');
	const headers = Object.fromEntries(fields.map((f) => [f.slice(0, f.indexOf(':')).toLowerCase(), f.slice(f.indexOf(':') + 2)]));
	return { status: Number(first.split(' ')[1]), headers, body: last.slice(at + 4), answers: answers.length };
}

/* A curl that goes on: its lines are queued. */
function follow(t, args) {
	const child = spawn('curl', ['-sS', '-N', ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
	const q = new Queue(`lines of curl ${args.join(' ')}`);
	let rest = '', err = '';
	child.stderr.on('data', (d) => { err += d; });
	child.stdout.on('data', (d) => {
		const all = (rest + d).split('\n');
		rest = all.pop();
		all.forEach((l) => q.push(l));
	});
	q.child = child;
	q.done = new Promise((resolve) => child.on('close', (code) => { q.end(`status ${code} ${err}`); resolve(code); }));
	t.after(() => child.kill('SIGKILL'));
	return q;
}

/* Raw bytes there and back: everything until the server ends, or until `enough`. */
function raw(t, s, text, enough) {
	return within(new Promise((resolve, reject) => {
		const socket = net.connect(s.port, '127.0.0.1');
		let got = '';
		t.after(() => socket.destroy());
		socket.on('data', (d) => {
			got += d.toString('latin1');
			if (enough && got.match(enough))
				resolve(got);
		});
		socket.on('end', () => resolve(got));
		socket.on('error', reject);
		socket.write(text);
	}), text.slice(0, 80));
}

test('curl -N /stream: lines with metadata as they come, and a clean end when the server stops', async (t) => {
	const s = await t.serve();
	const head = path.join(t.directory(), 'head');
	const q = follow(t, ['-D', head, `${s.http}/stream/lobby?since=earliest`]);
	await publish(s, 'lobby', '{"b":1.0,"a":"\u00e9"}');
	const line = await q.find((l) => l.includes('"b"'));
	assert.match(line, /^\{"_id":"[^"]+","_room":"lobby","_ts":\d+,"b":1\.0,"a":"\u00e9"\}$/);
	const headers = fs.readFileSync(head, 'utf8');
	assert.match(headers, /^HTTP\/1\.1 200 OK\r\nContent-Type: application\/x-ndjson\r\n/);
	assert.match(headers, /^Rt-Next: \S+\r$/m);
	assert.match(headers, /^Rt-Head: \S+\r$/m);
	await s.stop();
	assert.equal(await within(q.done, 'curl ends'), 0); /* ended, not cut off */
});

test('curl -N /events and /stream of several rooms at once', async (t) => {
	const s = await t.serve();
	const q = follow(t, [`${s.http}/events?room=a&room=b&since=earliest`]);
	const r = follow(t, [`${s.http}/stream?room=a&room=b&since=earliest`]);
	await publish(s, 'a', { n: 1 });
	await publish(s, 'b', { n: 2 });
	assert.equal(await q.find((l) => l.startsWith('data')), 'data: {"_room":"a","n":1}');
	assert.equal(await q.find((l) => l.startsWith('data')), 'data: {"_room":"b","n":2}');
	const of = (l) => l && !JSON.parse(l)._op;
	assert.equal(JSON.parse(await r.find(of))._room, 'a');
	assert.equal(JSON.parse(await r.find(of))._room, 'b');
});

test('a poll loop misses nothing', async (t) => {
	const s = await t.serve();
	let a = await ask([`${s.http}/poll/lobby`]);
	assert.equal(a.status, 204);
	assert.equal(a.headers['rt-next'], a.headers['rt-head']);
	assert.equal(a.body, '');
	const seen = [];
	const polls = (async () => {
		while (seen.length < 20) {
			a = await ask([`${s.http}/poll/lobby?timeout=10&since=${a.headers['rt-next']}`]);
			assert.equal(a.status, 200);
			seen.push(...json_lines(a.body).map((m) => m.n));
		}
	})();
	for (let n = 0; n < 20; n++)
		await publish(s, 'lobby', { n });
	await polls;
	assert.deepEqual(seen, Array.from({ length: 20 }, (_, n) => n));
	a = await ask([`${s.http}/poll/lobby?timeout=0&since=${a.headers['rt-next']}`]);
	assert.equal(a.status, 204);
	const gap = await ask([`${s.http}/poll/lobby?since=0123456789abcdef-5`]);
	assert.equal(gap.status, 200);
	assert.equal(JSON.parse(gap.body.split('\n')[0])._op, 'gap');
	assert.equal((await ask([`${s.http}/poll/lobby?since=yesterday`])).status, 400);
});

test('curl -d: whatever the content type, one object is one answer', async (t) => {
	const s = await t.serve();
	const url = `${s.http}/pub/lobby`;
	for (const more of [[], ['-H', 'Content-Type: application/json'], ['-H', 'Content-Type:'], ['-X', 'PUT'], ['-H', 'Transfer-Encoding: chunked']]) {
		const a = await ask(['-d', '{"text":"hi"}', ...more, url]);
		assert.equal(a.status, 200);
		assert.equal(a.headers['content-type'], 'application/json');
		assert.match(JSON.parse(a.body)._id, /^\S+$/);
		assert.match(a.body, /\}\n$/); /* a line, as all answers are */
	}
	assert.equal((await history(s, 'lobby')).length, 5);
	assert.equal((await ask(['-d', '{"_room":"other","n":1}', `${s.http}/pub`])).status, 200);
	assert.equal((await history(s, 'other')).length, 1);
	const bad = { 400: ['nonsense', '[1]', '{"a":1,"a":2}', '', '{"_nope":1}', '{"a":"\xff"'] };
	for (const text of bad[400]) {
		const a = await ask(['--data-binary', '@-', url], { input: text });
		assert.equal(a.status, 400, text);
		assert.equal(a.headers['content-type'], 'application/problem+json');
		assert.ok(JSON.parse(a.body).detail, a.body);
	}
	assert.equal((await ask(['-d', '{}', `${s.http}/pub`])).status, 400);
	assert.equal((await ask(['-d', '{}', `${s.http}/pub/_log`])).status, 403);
	assert.equal((await ask(['-d', '{}', `${s.http}/pub/a..b`])).status, 400);
	const big = await ask(['--data-binary', '@-', '-H', 'Expect:', url], { input: `{"t":"${'x'.repeat(3 << 20)}"}` });
	assert.equal(big.status, 413);
});

test('several objects are the streamed form: a line each, and the sum', async (t) => {
	const s = await t.serve();
	const a = await ask(['--data-binary', '@-', `${s.http}/pub/lobby`], { input: '{"n":1}{"n":2}\n\n {"n":3,"_nope":1}\n{"n":4}' });
	assert.equal(a.status, 200);
	const got = json_lines(a.body);
	assert.deepEqual(got.map((l) => Object.keys(l).join()), ['_id', '_id', 'error,code,line', '_id', 'accepted,refused']);
	assert.equal(got[2].line, 3);
	assert.deepEqual(got[4], { accepted: 3, refused: 1 });
	assert.deepEqual((await history(s, 'lobby')).map((m) => m.n), [1, 2, 4]);
});

test('curl -T . is answered line by line while it is still open', async (t) => {
	const s = await t.serve();
	const q = follow(t, ['-T', '.', '-H', 'Expect:', '-H', 'Content-Type: application/x-ndjson', `${s.http}/pub/lobby`]);
	for (let n = 0; n < 3; n++) {
		q.child.stdin.write(`{"n":${n}}\n`);
		assert.match(await q.next(), /^\{"_id":"\S+"\}$/);
	}
	q.child.stdin.end('nonsense\n{"n":3}'); /* the last without a line end */
	assert.match(await q.next(), /^\{"error":".*","line":4\}$/);
	assert.match(await q.next(), /_id/);
	assert.equal(await q.next(), '{"accepted":4,"refused":1}');
	assert.equal(await q.done, 0);
	assert.deepEqual((await history(s, 'lobby')).map((m) => m.n), [0, 1, 2, 3]);
});

test('10,000 lines by -T - arrive whole and in order', async (t) => {
	const s = await t.serve(['--history', '20000', '--history-bytes', '64m']);
	const text = Array.from({ length: 10000 }, (_, n) => `{"n":${n}}\n`).join('');
	const a = await ask(['-T', '-', '-H', 'Content-Type: application/x-ndjson', `${s.http}/pub/lobby`], { input: text });
	assert.match(a.body, /\n\{"accepted":10000,"refused":0\}\n$/);
	const all = await history(s, 'lobby');
	assert.equal(all.map((m) => `{"n":${m.n}}\n`).join(''), text);
});

test('Expect: 100-continue with a body of 100 KB; another expectation is 417', async (t) => {
	const s = await t.serve();
	const text = `{"t":"${'x'.repeat(100 * 1024)}"}`;
	for (const more of [[], ['-H', 'Transfer-Encoding: chunked']]) {
		const a = await ask(['-H', 'Expect: 100-continue', '--data-binary', '@-', ...more, `${s.http}/pub/lobby`], { input: text });
		assert.equal(a.status, 200);
		assert.equal(a.answers, 2, '100, then 200');
	}
	assert.equal((await history(s, 'lobby'))[0].t.length, 100 * 1024);
	const refused = await ask(['-H', 'Expect: 100-continue', '--data-binary', '@-', `${s.http}/pub/_log`], { input: text });
	assert.equal(refused.status, 403);
	assert.equal((await ask(['-H', 'Expect: miracles', '-d', '{}', `${s.http}/pub/lobby`])).status, 417);
});

test('keep-alive: one connection for six requests, errors of the message included', async (t) => {
	const s = await t.serve();
	const urls = ['/healthz', '/poll/lobby', '/history/lobby', '/rooms', '/nowhere', '/readyz'].map((p) => s.http + p);
	const { stdout, code } = await curl(['--http1.1', '-w', '%{num_connects} %{http_code}\n', ...urls.flatMap((u) => ['-o', '/dev/null', u])]);
	assert.equal(code, 0);
	assert.deepEqual(stdout.trim().split('\n'), ['1 200', '0 204', '0 200', '0 200', '0 404', '0 200']);
	const posts = await curl(['-w', '%{num_connects} %{http_code}\n', ...['a', 'b', 'c'].flatMap((r) => ['-o', '/dev/null', `${s.http}/pub/${r}`]), '-d', '{"n":1}']);
	assert.deepEqual(posts.stdout.trim().split('\n'), ['1 200', '0 200', '0 200']);
});

test('pipelined requests are answered in their order, a poll that waits and POSTs among them', async (t) => {
	const s = await t.serve();
	const host = `Host: ${s.address}\r\n`;
	const two = await raw(t, s, `GET /healthz HTTP/1.1\r\n${host}\r\nGET /readyz HTTP/1.1\r\n${host}\r\n`, /"ready":true/);
	assert.equal(two.match(/HTTP\/1\.1 200/g).length, 2);
	assert.ok(two.indexOf('"ok"') < two.indexOf('"ready"'));
	const post = (n) => `POST /pub/lobby HTTP/1.1\r\n${host}Content-Length: 7\r\n\r\n{"n":${n}}`;
	const chunked = `POST /pub/lobby HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n3;x=y\r\n{"n\r\n4\r\n":3}\r\n0\r\nTrailer: x\r\n\r\n`;
	const mixed = await raw(t, s, `${post(1)}GET /poll/lobby?since=earliest HTTP/1.1\r\n${host}\r\n${post(2)}${chunked}GET /history/lobby HTTP/1.1\r\n${host}Connection: close\r\n\r\n`);
	const bodies = mixed.split(/(?=HTTP\/1\.1 )/);
	assert.equal(bodies.length, 5, mixed);
	assert.ok(bodies.every((b) => b.startsWith('HTTP/1.1 200')));
	assert.match(bodies[1], /"n":1\}\n$/);
	assert.match(bodies[4], /"n":1\}\n.*"n":2\}\n.*"n":3\}\n$/s);
});

test('HEAD, OPTIONS, methods, versions and heads that are refused', async (t) => {
	const s = await t.serve();
	assert.equal((await ask(['-I', `${s.http}/healthz`])).status, 200);
	const head = await ask(['-I', `${s.http}/stream/lobby`]);
	assert.equal(head.status, 200);
	assert.equal(head.headers['content-length'], undefined);
	const o = await ask(['-X', 'OPTIONS', `${s.http}/pub/lobby`]);
	assert.equal(o.status, 204);
	assert.match(o.headers.allow, /POST/);
	const del = await ask(['-X', 'DELETE', `${s.http}/pub/lobby`]);
	assert.ok(del.status === 405 || del.status === 501, String(del.status));
	assert.equal((await ask([`${s.http}/pub/lobby`])).status, 405);
	assert.equal((await ask(['-d', '{}', `${s.http}/stream/lobby`])).status, 405);
	assert.equal((await ask(['-X', 'POST', '-H', 'Content-Length:', `${s.http}/pub/lobby`])).status, 411);
	assert.equal((await ask(['--path-as-is', `${s.http}/pub/../x`])).status, 400);
	assert.equal((await ask([`${s.http}/${'x'.repeat(20000)}`])).status, 414);
	assert.equal((await ask(['-H', `X: ${'x'.repeat(100000)}`, `${s.http}/healthz`])).status, 431);
	assert.equal((await ask(['--http2', `${s.http}/healthz`])).status, 200);
	assert.equal((await ask(['-H', 'Origin: http://evil.example', '-d', '{}', `${s.http}/pub/lobby`])).status, 403);
	assert.equal((await ask(['-H', 'Authorization: Bearer x', '-d', '{}', `${s.http}/pub/lobby`])).status, 501);
	const host = `Host: ${s.address}\r\n`;
	const status = async (text) => Number((await raw(t, s, text)).split(' ')[1]);
	assert.equal(await status(`GET /healthz HTTP/1.0\r\n${host}\r\n`), 505);
	assert.equal(await status('GET /healthz HTTP/1.1\r\n\r\n'), 400);
	assert.equal(await status(`GET /healthz HTTP/1.1\r\n${host}${host}\r\n`), 400);
	assert.equal(await status(`GET /healthz HTTP/1.1\n${host}\n`), 400);
	assert.equal(await status(`GET /healthz HTTP/1.1\r\n${host}A: b\r\n c\r\n\r\n`), 400);
	assert.equal(await status(`POST /pub/a HTTP/1.1\r\n${host}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n`), 400);
	assert.equal(await status(`POST /pub/a HTTP/1.1\r\n${host}Content-Length: 2\r\nContent-Length: 3\r\n\r\n`), 400);
	assert.equal(await status(`POST /pub/a HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\nzz\r\n`), 400);
	assert.deepEqual(await history(s, 'a'), []);
});

test('Idempotency-Key, Rt-Client, a socket in the file system', async (t) => {
	const sock = path.join(t.directory(), 'rt.sock');
	const s = await t.serve(['-l', `unix:${sock}`]);
	const post = async (...more) => JSON.parse((await ask(['-d', '{"n":1}', ...more, `${s.http}/pub/lobby`])).body);
	const first = await post('-H', 'Idempotency-Key: k1'), again = await post('-H', 'Idempotency-Key: k1', '--unix-socket', sock);
	assert.equal(again._id, first._id);
	assert.equal(again.dup, true);
	await post('-H', 'Rt-Client: phone');
	const peer = async (query) => json_lines((await ask([`${s.http}/history/lobby?${query}`])).body).length;
	assert.equal(await peer(''), 2);
	assert.equal(await peer('echo=0&client=phone'), 1);
});

test('many curls at once on one room get the same', async (t) => {
	const s = await t.serve();
	const all = [];
	for (let i = 0; i < 10; i++)
		all.push(follow(t, [`${s.http}/${i % 2 ? 'stream' : 'events'}/lobby?since=earliest`]));
	for (let n = 0; n < 30; n++)
		await publish(s, 'lobby', { n });
	for (const q of all)
		for (let n = 0; n < 30; n++)
			assert.ok((await q.find((l) => l.includes('"n":'))).endsWith(`"n":${n}}`));
});

run();
