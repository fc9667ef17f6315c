// strict.js - RFC 6455 by the byte, in the order of the well-known conformance suite: framing, pings, reserved bits, opcodes, fragments, UTF-8, closing
//
// Whatever a client library would not send is sent here over a plain socket. rt-serve echoes JSON objects, so text goes inside one.
'use strict';
const net = require('node:net');
const { Queue, assert, history, run, test, within } = require('./lib');

const TEXT = 1, BINARY = 2, CONT = 0, CLOSE = 8, PING = 9, PONG = 10;

/* A frame as a client sends it. */
function frame(op, body = '', { fin = true, rsv = 0, masked = true, length } = {}) {
	const payload = Buffer.from(body);
	const n = length === undefined ? payload.length : length;
	const head = [(fin ? 0x80 : 0) | rsv << 4 | op];
	if (n < 126)
		head.push(n);
	else if (n < 65536)
		head.push(126, n >> 8, n & 255);
	else
		head.push(127, 0, 0, 0, 0, n >>> 24, n >> 16 & 255, n >> 8 & 255, n & 255);
	if (!masked)
		return Buffer.concat([Buffer.from(head), payload]);
	head[1] |= 0x80;
	const mask = Buffer.from([0x12, 0xf4, 0x56, 0x9a]);
	return Buffer.concat([Buffer.from(head), mask, payload.map((b, i) => b ^ mask[i & 3])]);
}

function close_body(code, reason = '') {
	return Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
}

/* A WebSocket by hand; what the server sends is queued as {op, body}. */
async function dial(t, s, path = '/ws/lobby?meta=0') {
	const socket = net.connect(s.port, '127.0.0.1');
	const frames = new Queue(`frames of ${path}`);
	let bytes = Buffer.alloc(0), open = false, opened;
	const up = new Promise((resolve) => { opened = resolve; });
	t.after(() => socket.destroy());
	socket.setNoDelay(true);
	socket.on('data', (d) => {
		bytes = Buffer.concat([bytes, d]);
		if (!open) {
			const at = bytes.indexOf('\r\n\r\n');
			if (at < 0)
				return;
			open = true;
			opened(bytes.subarray(0, at).toString());
			bytes = bytes.subarray(at + 4);
		}
		for (;;) {
			if (bytes.length < 2)
				return;
			assert.equal(bytes[0] & 0xf0, 0x80, 'the server sends whole frames without reserved bits');
			assert.equal(bytes[1] & 0x80, 0, 'the server never masks');
			let n = bytes[1] & 127, at = 2;
			if (n === 126)
				[n, at] = [bytes.length >= 4 ? bytes.readUInt16BE(2) : Infinity, 4];
			else if (n === 127)
				[n, at] = [bytes.length >= 10 ? Number(bytes.readBigUInt64BE(2)) : Infinity, 10];
			if (bytes.length < at + n)
				return;
			frames.push({ op: bytes[0] & 15, body: bytes.subarray(at, at + n) });
			bytes = bytes.subarray(at + n);
		}
	});
	socket.on('error', (e) => frames.end(e.code));
	socket.on('end', () => frames.end('FIN'));
	socket.write(`GET ${path} HTTP/1.1\r\nHost: ${s.address}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n` +
		'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
	const head = await within(up, 'the handshake');
	assert.match(head, /^HTTP\/1.1 101 /);
	assert.match(head, /Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/);
	const c = {
		socket,
		frames,
		send: (...parts) => socket.write(Buffer.concat(parts)),
		/* The next frame must be a close with this code, and then the end of the stream, not a reset. */
		closes: async (code, what) => {
			const f = await frames.next(`${what}: a close`);
			assert.equal(f.op, CLOSE, `${what}: opcode ${f.op} ${f.body}`);
			assert.equal(f.body.length ? f.body.readUInt16BE(0) : 1005, code, what);
			await assert.rejects(frames.next('the end'), /FIN/, what);
		},
		says: async (op, body, what) => {
			const f = await frames.next(what);
			assert.deepEqual([f.op, f.body.toString()], [op, body], what);
		},
	};
	return c;
}

test('1, 9: text of every length class, whole and cut anywhere, is echoed', async (t) => {
	const s = await t.serve();
	const c = await dial(t, s);
	for (const n of [8, 124, 125, 126, 127, 128, 65534, 65535, 65536, 65537, 300000]) {
		const text = `{"t":"${'x'.repeat(n - 8)}"}`;
		c.send(frame(TEXT, text));
		await c.says(TEXT, text, `${n} bytes`);
	}
	const bytes = Buffer.concat([frame(TEXT, '{"a":"h\u00e9"}', { fin: false }), frame(PING, 'p'), frame(CONT, '', { fin: false }), frame(CONT, ' ')]);
	for (const b of bytes)
		c.socket.write(Buffer.from([b]));
	await c.says(PONG, 'p', 'a ping between fragments');
	await c.says(TEXT, '{"a":"h\u00e9"}', 'by single bytes');
	const many = Buffer.concat(Array.from({ length: 1000 }, (_, i) => frame(TEXT, `{"n":${i}}`)));
	c.send(many);
	for (let i = 0; i < 1000; i++)
		await c.says(TEXT, `{"n":${i}}`, 'a burst in one write');
});

test('2: pings are answered with their payload, in order; pongs nobody asked for are ignored', async (t) => {
	const s = await t.serve();
	const c = await dial(t, s);
	c.send(frame(PING), frame(PING, 'hello'), frame(PING, Buffer.from([0, 255, 254, 253])), frame(PING, 'x'.repeat(125)));
	await c.says(PONG, '', 'empty');
	await c.says(PONG, 'hello', 'text');
	assert.deepEqual((await c.frames.next()).body, Buffer.from([0, 255, 254, 253]));
	await c.says(PONG, 'x'.repeat(125), '125 bytes');
	c.send(frame(PONG), frame(PONG, 'unsolicited'), ...Array.from({ length: 10 }, (_, i) => frame(PING, String(i))));
	for (let i = 0; i < 10; i++)
		await c.says(PONG, String(i), 'ten');
});

test('2 to 5: what is against the protocol closes with 1002', async (t) => {
	const s = await t.serve();
	const open = frame(TEXT, '{"a":', { fin: false });
	const cases = {
		'a ping of 126 bytes': [frame(PING, 'x'.repeat(126))],
		'a close of 126 bytes': [frame(CLOSE, close_body(1000, 'x'.repeat(124)))],
		'RSV1': [frame(TEXT, '{}', { rsv: 4 })],
		'RSV2': [frame(TEXT, '{}', { rsv: 2 })],
		'RSV3': [frame(TEXT, '{}', { rsv: 1 })],
		'RSV on a ping': [frame(PING, '', { rsv: 4 })],
		'RSV on a close': [frame(CLOSE, close_body(1000), { rsv: 7 })],
		'an unmasked frame': [frame(TEXT, '{}', { masked: false })],
		'a fragmented ping': [frame(PING, 'a', { fin: false })],
		'a fragmented pong': [frame(PONG, 'a', { fin: false })],
		'a continuation of nothing': [frame(CONT, '{}')],
		'a continuation of nothing, not final': [frame(CONT, '{}', { fin: false })],
		'text within a fragmented message': [open, frame(TEXT, '1}')],
		'binary within a fragmented message': [open, frame(BINARY, '1}')],
		'a length of 16 bits for 5': [Buffer.from([0x81, 0xfe, 0, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5])],
		'a length of 64 bits for 5': [Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0])],
		'the top bit of a length': [Buffer.from([0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0])],
	};
	for (const op of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15])
		cases[`opcode ${op}`] = [frame(op, '')];
	for (const [what, bytes] of Object.entries(cases)) {
		const c = await dial(t, s);
		c.send(...bytes);
		await c.closes(1002, what);
		c.socket.destroy();
	}
	const c = await dial(t, s); /* what came before is taken and answered first */
	c.send(frame(TEXT, '{"n":1}'), frame(PING, 'p'), frame(5, 'x'), frame(TEXT, '{"n":2}'));
	const seen = [await c.frames.next()];
	if (seen[0].op === TEXT)
		seen.push(await c.frames.next());
	assert.equal(seen.pop().op, PONG);
	await c.closes(1002, 'after good ones');
	assert.deepEqual(await history(s, 'lobby').then((all) => all.map((m) => m.n)), [1]);
});

test('6: UTF-8, whole and split between fragments at each byte', async (t) => {
	const s = await t.serve();
	const c = await dial(t, s);
	const good = ['\u03ba\u1f79\u03c3\u03bc\u03b5', '\u007f\u0080\u07ff\u0800\uffff', '\u{10000}\u{10ffff}', '\ud7ff\ue000\ufffd', '\ufdd0\ufffe\uffff\u{1fffe}'];
	for (const text of good) {
		const json = `{"t":"${text}"}`, bytes = Buffer.from(json);
		c.send(frame(TEXT, bytes));
		await c.says(TEXT, json, json);
		for (let i = 1; i < bytes.length; i++) {
			c.send(frame(TEXT, bytes.subarray(0, i), { fin: false }), frame(CONT, bytes.subarray(i)));
			await c.says(TEXT, json, `${json} split at ${i}`);
		}
	}
	const bad = ['80', 'bf', 'c0af', 'c1bf', 'c3', 'c328', 'e28082ff', 'e08080', 'e09fbf', 'eda080', 'edbfbf', 'f0808080', 'f08fbfbf', 'f4908080', 'f5808080', 'f8888080 80',
		'fe', 'ff', 'ce', 'f09f98', 'cebae1bdb9cf83cebcceb5f4908080656469746564'];
	for (const hex of bad) {
		const bytes = Buffer.concat([Buffer.from('{"t":"'), Buffer.from(hex.replace(/ /g, ''), 'hex'), Buffer.from('"}')]);
		for (const cut of [0, 7]) {
			const d = await dial(t, s);
			if (cut)
				d.send(frame(TEXT, bytes.subarray(0, cut), { fin: false }), frame(CONT, bytes.subarray(cut)));
			else
				d.send(frame(TEXT, bytes));
			await d.closes(1007, hex);
			d.socket.destroy();
		}
	}
	const d = await dial(t, s); /* at the byte that breaks it, not at the end of the message */
	d.send(frame(TEXT, Buffer.from('7b2274223a22f4908080', 'hex'), { fin: false }));
	await d.closes(1007, 'fails fast');
	const e = await dial(t, s);
	e.send(frame(TEXT, Buffer.from('{"t":"\xce', 'latin1'), { fin: false }), frame(CONT, ''));
	await e.closes(1007, 'cut off at the end');
});

test('7: the closing handshake', async (t) => {
	const s = await t.serve();
	const said = async (body, code, what) => {
		const c = await dial(t, s);
		c.send(frame(CLOSE, body));
		await c.closes(code, what);
		c.socket.destroy();
	};
	await said('', 1005, 'without a code');
	for (const code of [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
		await said(close_body(code), code, `code ${code}`);
	for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535])
		await said(close_body(code), 1002, `code ${code}`);
	await said(close_body(1000, 'x'.repeat(123)), 1000, 'a reason of 123 bytes');
	await said(Buffer.from([3]), 1002, 'a body of one byte');
	await said(Buffer.concat([close_body(1000), Buffer.from('ceba', 'hex'), Buffer.from('ff', 'hex')]), 1007, 'a reason that is no UTF-8');
	const c = await dial(t, s);
	c.send(frame(CLOSE, close_body(1000)), frame(TEXT, '{"n":1}'), frame(PING, 'x'), frame(CLOSE, close_body(1001)));
	await c.closes(1000, 'what follows a close is ignored');
	const d = await dial(t, s);
	d.send(frame(TEXT, '{"a":', { fin: false }), frame(CLOSE, close_body(1000)));
	await d.closes(1000, 'within a fragmented message');
	assert.deepEqual(await history(s, 'lobby'), []);
});

test('10: a message chopped into 1,000 fragments; too many of them, and too long ones, end with 1009', async (t) => {
	const s = await t.serve();
	const c = await dial(t, s);
	const text = `{"t":"${'y'.repeat(100000)}"}`, parts = [];
	for (let at = 0, i = 0; at < text.length; at += 101, i++)
		parts.push(frame(i ? CONT : TEXT, text.slice(at, at + 101), { fin: at + 101 >= text.length }));
	c.send(...parts);
	await c.says(TEXT, text, 'chopped');
	c.send(frame(TEXT, '', { length: 2 ** 31 }));
	await c.closes(1009, 'a header of 2 GiB');
});

test('two handshakes in one packet with a frame: the frame is not lost', async (t) => {
	const s = await t.serve();
	const socket = net.connect(s.port, '127.0.0.1');
	const q = new Queue('bytes');
	t.after(() => socket.destroy());
	let text = '';
	socket.on('data', (d) => { text += d.toString('latin1'); q.push(text); });
	socket.write(Buffer.concat([
		Buffer.from(`GET /healthz HTTP/1.1\r\nHost: ${s.address}\r\n\r\nGET /ws/lobby?meta=0 HTTP/1.1\r\nHost: ${s.address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
			'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'),
		frame(TEXT, '{"n":1}'),
	]));
	const all = await q.find((x) => x.endsWith('{"n":1}'));
	assert.match(all, /^HTTP\/1.1 200 OK[^]*\{"ok":true\}\nHTTP\/1.1 101 Switching/);
});

run();
