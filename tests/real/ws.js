// ws.js - npm's ws against rt-serve: the plain client, rooms, resuming, acknowledgements, limits, close codes
'use strict';
const { assert, history, payload, publish, request, run, test, within, Peer } = require('./lib');

const chat = (text) => ({ type: 'chat', text });

test('the plain client: chat is echoed to its sender and stamped with user_id', async (t) => {
	const s = await t.serve();
	const ada = await t.peer(`${s.ws}/ws/lobby?user_id=ada`);
	const bob = await t.peer(`${s.ws}/ws/lobby?user_id=bob`);
	assert.deepEqual(payload(await ada.next()), { type: 'user_joined', user_id: 'bob' });
	ada.send(chat('hi'));
	const mine = await ada.next(), his = await bob.next();
	assert.deepEqual(mine, his);
	assert.deepEqual(Object.keys(mine), ['_id', '_room', '_ts', 'type', 'user_id', 'text']);
	assert.equal(mine._room, 'lobby');
	assert.equal(mine.user_id, 'ada');
	assert.equal(mine.text, 'hi');
	assert.ok(Math.abs(mine._ts - Date.now()) < 60000);
});

test('typing is not echoed to its sender and never stored', async (t) => {
	const s = await t.serve();
	const ada = await t.peer(`${s.ws}/ws/lobby?user_id=ada`);
	const bob = await t.peer(`${s.ws}/ws/lobby?user_id=bob`);
	ada.send({ type: 'typing' });
	const typing = await bob.next();
	assert.deepEqual(payload(typing), { type: 'typing', user_id: 'ada' });
	assert.equal(typing._id, undefined);
	ada.send(chat('done'));
	const seen = [...await ada.settle(), ...await ada.settle()].map(payload);
	assert.deepEqual(seen, [{ type: 'user_joined', user_id: 'bob' }, { type: 'chat', user_id: 'ada', text: 'done' }]);
	assert.deepEqual((await history(s, 'lobby')).map(payload), [{ type: 'chat', user_id: 'ada', text: 'done' }]);
});

test('user_left comes when the last connection of a user has gone', async (t) => {
	const s = await t.serve(['--presence-grace', '0']);
	const ada = await t.peer(`${s.ws}/ws/lobby?user_id=ada`);
	const bob1 = await t.peer(`${s.ws}/ws/lobby?user_id=bob`);
	const bob2 = await t.peer(`${s.ws}/ws/lobby?user_id=bob`);
	assert.deepEqual(payload(await ada.next()), { type: 'user_joined', user_id: 'bob' });
	await bob1.close();
	assert.deepEqual(await ada.settle(), []);
	await bob2.close();
	assert.deepEqual(payload(await ada.next()), { type: 'user_left', user_id: 'bob' });
	assert.deepEqual((await history(s, 'lobby')), []);
});

test('a user who comes back within the grace neither left nor joined', async (t) => {
	const s = await t.serve(['--presence-grace', '30s']);
	const ada = await t.peer(`${s.ws}/ws/lobby?user_id=ada`);
	const bob = await t.peer(`${s.ws}/ws/lobby?user_id=bob`);
	assert.equal((await ada.next()).type, 'user_joined');
	await bob.close();
	const again = await t.peer(`${s.ws}/ws/lobby?user_id=bob`);
	again.send(chat('back'));
	assert.deepEqual(payload(await ada.next()), { type: 'chat', user_id: 'bob', text: 'back' });
});

test('what is malformed is answered and the connection stays', async (t) => {
	const s = await t.serve();
	const c = await t.peer(`${s.ws}/ws/lobby?user_id=ada`);
	const bad = {
		'not JSON': 'hello',
		'an array': '[1,2]',
		'a string': '"x"',
		'cut off': '{"a":',
		'a duplicate name': '{"a":1,"a":2}',
		'a trailing comma': '{"a":1,}',
		'two values': '{"a":1}{"a":2}',
		'NUL in a name': '{"a\\u0000b":1}',
		'too deep': '{"a":'.repeat(65) + '1' + '}'.repeat(65),
		'an unknown reserved member': '{"_nope":1,"type":"chat"}',
		'a reserved member of the wrong type': '{"_room":7}',
		'empty': '',
	};
	for (const [name, text] of Object.entries(bad)) {
		c.send(text);
		const m = await c.next();
		assert.equal(m._op, 'error', name);
		assert.equal(m.code, name === 'too deep' ? 'too_large' : 'invalid', name);
		assert.ok(m.reason.length > 5, name);
	}
	c.send('{"_nope":1,"_ref":5}');
	const named = await c.next();
	assert.match(named.reason, /_nope/);
	c.send(chat('alive'));
	assert.equal((await c.next()).text, 'alive');
});

test('the server writes user_id whatever the client says', async (t) => {
	const s = await t.serve();
	const c = await t.peer(`${s.ws}/ws/lobby?user_id=ada&meta=0`);
	const cases = [
		['{"type":"chat","user_id":"mallory","text":"x"}', '{"type":"chat","user_id":"ada","text":"x"}'],
		['{"text":"x","user_id":"mallory"}', '{"text":"x","user_id":"ada"}'],
		['{"us\\u0065r_id":{"a":1},"text":"x"}', null],
		['{"text":"x"}', '{"user_id":"ada","text":"x"}'],
		['{}', '{"user_id":"ada"}'],
		['{"text":"x","type":"chat"}', '{"text":"x","type":"chat","user_id":"ada"}'],
	];
	for (const [sent, expected] of cases) {
		c.send(sent);
		const text = await c.text();
		if (expected)
			assert.equal(text, expected);
		assert.equal(JSON.parse(text).user_id, 'ada', sent);
		assert.equal(text.match(/user_id|us\\u0065r_id/g).length, 1, text);
	}
});

test('meta=0 gives the payload alone, byte for byte', async (t) => {
	const s = await t.serve();
	const c = await t.peer(`${s.ws}/ws/lobby?meta=0`);
	const texts = [
		'{"z":1,"a":2}',
		'{ "spaced" : [ 1 , 2 ] }',
		'{"n":[1.0,1e2,-0,0.1,12345678901234567890,1E+400,1.7976931348623157e308]}',
		'{"s":"\\u00e9 \u00e9 \\ud83d\\ude00 \u{1F600} \\/ \\" \\\\ \\u2028 \u2028"}',
		'{"_PID":1,"__CURSOR":"x","a":{"_id":1,"_op":"x"}}',
		'{"":"","\u65e5\u672c":"\u8a9e"}',
	];
	for (const text of texts) {
		c.send(text);
		assert.equal(await c.text(), text);
	}
	c.send('{"a":\r\n\t1}');
	assert.equal(await c.text(), '{"a":  \t1}');
});

test('the subprotocol rt.json is chosen from those offered, and none that is unknown', async (t) => {
	const s = await t.serve();
	const c = await t.peer(`${s.ws}/ws/lobby`, ['something.else', 'rt.json']);
	assert.equal(c.ws.protocol, 'rt.json');
	assert.equal((await t.peer(`${s.ws}/ws/lobby`)).ws.protocol, '');
	const odd = new Peer(`${s.ws}/ws/lobby`, ['something.else']);
	await assert.rejects(within(odd.opened, 'an answer'), /no subprotocol/);
	assert.equal(c.ws.extensions, '');
	assert.match(c.headers['rt-conn'], /^c[0-9a-f]+$/);
});

test('resuming with since gives every later message once, in order', async (t) => {
	const s = await t.serve();
	const first = await t.peer(`${s.ws}/ws/lobby?meta=1`);
	const told = await first.next();
	assert.equal(told._op, 'subscribed');
	assert.equal(told._room, 'lobby');
	assert.equal(told._id, told.head);
	assert.equal(told.conn, first.headers['rt-conn']);
	for (let n = 0; n < 10; n++)
		await publish(s, 'lobby', { n });
	const seen = [];
	for (let i = 0; i < 4; i++)
		seen.push(await first.next());
	await first.close();
	await publish(s, 'lobby', { n: 10 });
	const second = await t.peer(`${s.ws}/ws/lobby?since=${encodeURIComponent(seen[3]._id)}`);
	assert.equal((await second.next())._id, seen[3]._id);
	for (let n = 4; n <= 10; n++)
		assert.equal((await second.next()).n, n);
	const third = await t.peer(`${s.ws}/ws/lobby?since=${encodeURIComponent(told._id)}`);
	assert.equal((await third.next())._id, told._id);
	for (let n = 0; n <= 10; n++)
		assert.equal((await third.next()).n, n);
});

test('since: earliest, latest, last:N, a duration, a time, nonsense', async (t) => {
	const s = await t.serve();
	for (let n = 0; n < 5; n++)
		await publish(s, 'lobby', { n });
	const numbers = async (since) => {
		const c = await t.peer(`${s.ws}/ws/lobby?since=${encodeURIComponent(since)}`);
		assert.equal((await c.next())._op, 'subscribed', since);
		const got = (await c.settle()).filter((m) => !m._op).map((m) => m.n);
		c.ws.terminate();
		return got;
	};
	assert.deepEqual(await numbers('earliest'), [0, 1, 2, 3, 4]);
	assert.deepEqual(await numbers('latest'), []);
	assert.deepEqual(await numbers('last:2'), [3, 4]);
	assert.deepEqual(await numbers('10m'), [0, 1, 2, 3, 4]);
	assert.deepEqual(await numbers('2001-01-01T00:00:00Z'), [0, 1, 2, 3, 4]);
	assert.deepEqual(await numbers('2099-01-01T00:00:00+01:00'), []);
	const odd = new Peer(`${s.ws}/ws/lobby?since=yesterday`);
	await assert.rejects(within(odd.opened, 'an answer'), /400/);
});

test('an id of another epoch is a gap, then what is kept', async (t) => {
	const s = await t.serve();
	const id = await publish(s, 'lobby', { n: 0 });
	await s.stop();
	const s2 = await t.serve([], s.port);
	await publish(s2, 'lobby', { n: 1 });
	const c = await t.peer(`${s2.ws}/ws/lobby?since=${encodeURIComponent(id)}`);
	const got = [];
	for (;;) {
		const m = await c.next();
		got.push(m);
		if (m.n === 1)
			break;
	}
	const gap = got.find((m) => m._op === 'gap');
	assert.deepEqual(got.map((m) => m._op || m.n), ['gap', 'subscribed', 1]);
	assert.equal(gap._room, 'lobby');
	assert.equal(gap.reason, 'epoch');
	assert.equal(gap.after, id);
	assert.equal(got.find((m) => m._op === 'subscribed')._id, gap.at);
});

test('a history that was exceeded is a gap', async (t) => {
	const s = await t.serve(['--history', '3']);
	const id = await publish(s, 'lobby', { n: 0 });
	for (let n = 1; n < 8; n++)
		await publish(s, 'lobby', { n });
	const c = await t.peer(`${s.ws}/ws/lobby?since=${encodeURIComponent(id)}`);
	const got = await c.settle();
	assert.equal(got.find((m) => m._op === 'gap').reason, 'history');
	assert.deepEqual(got.filter((m) => !m._op).map((m) => m.n), [5, 6, 7]);
});

test('ack and error carry _ref, in order', async (t) => {
	const s = await t.serve();
	const c = await t.peer(`${s.ws}/ws/lobby?user_id=ada`);
	c.send({ type: 'chat', text: 'a', _ref: 1 });
	c.send({ type: 'chat', text: 'b', _ref: 'two' });
	c.send({ type: 'typing', _ref: 3 });
	c.send({ _ref: 4, _room: 'no/room' });
	c.send({ _ref: 5, _room: '_log' });
	c.send({ type: 'chat', text: 'c', _ref: 6 });
	const answers = [], events = {};
	while (answers.length < 6) {
		const m = await c.next();
		if (m._op)
			answers.push(m);
		else
			events[m.text] = m._id;
	}
	assert.deepEqual(answers.map((m) => [m._op, m._ref]), [['ack', 1], ['ack', 'two'], ['ack', 3], ['error', 4], ['error', 5],
		['ack', 6]]);
	assert.equal(answers[2]._id, undefined);
	assert.equal(answers[3].code, 'invalid');
	assert.equal(answers[4].code, 'denied');
	if (!events.c)
		events.c = (await c.next())._id;
	assert.deepEqual([answers[0]._id, answers[1]._id, answers[5]._id], [events.a, events.b, events.c]);
});

test('a resend with the same _dedup is acknowledged with the first id and delivered once', async (t) => {
	const s = await t.serve();
	const c = await t.peer(`${s.ws}/ws/lobby?echo=0`);
	const other = await t.peer(`${s.ws}/ws/lobby`);
	c.send({ text: 'x', _dedup: 'd1', _ref: 1 });
	c.send({ text: 'x', _dedup: 'd1', _ref: 2 });
	const one = await c.next(), two = await c.next();
	assert.equal(two._id, one._id);
	assert.equal(two.dup, true);
	assert.equal(one.dup, undefined);
	assert.equal((await other.settle()).length, 1);
});

test('several rooms on one connection: by query, by control message, by pattern', async (t) => {
	const s = await t.serve();
	const c = await t.peer(`${s.ws}/ws?room=a&room=b`);
	c.send({ _room: 'a', n: 1 });
	assert.deepEqual(payload(await c.next()), { n: 1 });
	c.send({ _room: 'b', n: 2 });
	assert.equal((await c.next())._room, 'b');
	c.send({ n: 3 });
	assert.match((await c.next()).reason, /room/);
	c.send({ _op: 'subscribe', _room: 'c', since: 'earliest' });
	const told = await c.next();
	assert.deepEqual([told._op, told._room], ['subscribed', 'c']);
	const end = await c.next(); /* nothing is kept of c: the end of its replay */
	assert.deepEqual([end._op, end._id], ['heartbeat', told.head]);
	await publish(s, 'c', { n: 4 });
	assert.equal((await c.next()).n, 4);
	c.send({ _op: 'unsubscribe', _room: 'a' });
	assert.deepEqual(await c.next(), { _op: 'unsubscribed', _room: 'a' });
	await publish(s, 'a', { n: 5 });
	await publish(s, 'b', { n: 6 });
	assert.equal((await c.next()).n, 6);
	c.send({ _op: 'subscribe', _room: 'eu.*' });
	assert.equal((await c.next())._op, 'subscribed');
	await publish(s, 'eu.paris', { n: 7 });
	assert.equal((await c.next())._room, 'eu.paris');
	c.send({ _op: 'subscribe', _room: 'b' });
	assert.equal((await c.next())._op, 'error');
	c.send({ _op: 'frobnicate', _room: 'b', _ref: 9 });
	const e = await c.next();
	assert.deepEqual([e._op, e._ref], ['error', 9]);
});

test('presence on request, ping answered with the position, heartbeat= on its own', async (t) => {
	const s = await t.serve();
	const c = await t.peer(`${s.ws}/ws/lobby?user_id=ada&heartbeat=1&meta=1`);
	const start = await c.next();
	c.send({ _op: 'ping' });
	assert.deepEqual(await c.next(), { _op: 'pong', _id: start._id });
	c.send({ _op: 'presence', _room: 'lobby' });
	const p = await c.find((m) => m._op === 'presence');
	assert.equal(p.count, 1);
	assert.equal(p.members[0].user_id, 'ada');
	assert.deepEqual(await c.find((m) => m._op === 'heartbeat'), { _op: 'heartbeat', _id: start._id });
});

test('echo=0 skips what the same client sent, live and on replay', async (t) => {
	const s = await t.serve();
	const c = await t.peer(`${s.ws}/ws/lobby?echo=0&client=phone`);
	c.send({ n: 1, _ref: 1 });
	assert.equal((await c.next())._op, 'ack');
	await publish(s, 'lobby', { n: 2 });
	assert.equal((await c.next()).n, 2);
	const again = await t.peer(`${s.ws}/ws/lobby?echo=0&client=phone&since=earliest`);
	assert.deepEqual((await again.settle()).filter((m) => !m._op).map((m) => m.n), [2]);
});

test('a message of 900 KB goes through whole, to everybody', async (t) => {
	const s = await t.serve();
	const a = await t.peer(`${s.ws}/ws/lobby?meta=0`), b = await t.peer(`${s.ws}/ws/lobby?meta=0`);
	const text = JSON.stringify({ text: 'x\u00e9\u{1F600}'.repeat(900 * 1024 / 7) });
	assert.ok(Buffer.byteLength(text) > 900000);
	a.send(text);
	assert.ok(await a.text() === text);
	assert.ok(await b.text() === text);
	assert.ok((await request(`${s.http}/history/lobby`)).text.length > text.length);
});

test('a fragmented message is one message, with a ping in between', async (t) => {
	const s = await t.serve();
	const c = await t.peer(`${s.ws}/ws/lobby?meta=0`);
	const text = '{"text":"h\u00e9llo \u{1F600}"}';
	const bytes = Buffer.from(text);
	for (let i = 0; i < bytes.length; i++) {
		c.ws.send(bytes.subarray(i, i + 1), { binary: false, fin: i === bytes.length - 1 });
		if (i % 7 === 3)
			c.ws.ping(`p${i}`);
	}
	assert.equal(await c.text(), text);
	assert.equal(await c.pongs.next(), 'p3');
	assert.equal(await c.pongs.next(), 'p10');
	c.ws.send('{"a":', { fin: false });
	c.ws.send('', { fin: false });
	c.ws.send('1}', { fin: true });
	assert.equal(await c.text(), '{"a":1}');
});

test('close codes: 1003 binary, 1007 invalid UTF-8, 1009 too large', async (t) => {
	const s = await t.serve();
	let c = await t.peer(`${s.ws}/ws/lobby`);
	c.ws.send(Buffer.from('{"a":1}'), { binary: true });
	assert.equal((await c.end()).code, 1003);
	c = await t.peer(`${s.ws}/ws/lobby`);
	c.ws.send(Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]), { binary: false });
	assert.equal((await c.end()).code, 1007);
	c = await t.peer(`${s.ws}/ws/lobby`);
	c.send(JSON.stringify({ text: 'x'.repeat(1 << 20) }));
	assert.equal((await c.next()).code, 'too_large');
	c.send(JSON.stringify({ text: 'x'.repeat((1 << 20) + 4096) }));
	assert.equal((await c.end()).code, 1009);
	c = await t.peer(`${s.ws}/ws/lobby`);
	for (let i = 0; i < 5; i++)
		c.ws.send('x'.repeat(1 << 18), { fin: false });
	assert.equal((await c.end()).code, 1009);
	c = await t.peer(`${s.ws}/ws/lobby`);
	assert.equal((await c.close(4321)).code, 4321);
	c = await t.peer(`${s.ws}/ws/lobby`);
	c.ws.close();
	assert.equal((await c.end()).code, 1005);
	assert.deepEqual(await history(s, 'lobby'), []);
});

test('a message far over the limit still gets its 1009, not a reset', async (t) => {
	const s = await t.serve();
	const c = await t.peer(`${s.ws}/ws/lobby`);
	c.send(JSON.stringify({ text: 'x'.repeat(6 << 20) }));
	assert.equal((await c.end()).code, 1009);
});

test('--max-message is the limit of the message as stored', async (t) => {
	const s = await t.serve(['--max-message', '1000']);
	const c = await t.peer(`${s.ws}/ws/lobby?meta=0`);
	const fits = `{"t":"${'x'.repeat(1000 - 8)}"}`;
	assert.equal(fits.length, 1000);
	c.send(fits);
	assert.equal(await c.text(), fits);
	c.send(fits + ' '); /* whitespace around it does not count */
	assert.equal(await c.text(), fits);
	c.send('{"tt' + fits.slice(3));
	assert.equal((await c.next()).code, 'too_large');
});

test('ping and pong at protocol level, both ways', async (t) => {
	const s = await t.serve(['--ping', '200ms', '--pong', '300ms']);
	const c = await t.peer(`${s.ws}/ws/lobby`);
	c.ws.ping('are you there');
	assert.equal(await c.pongs.next(), 'are you there');
	c.ws.ping('');
	assert.equal(await c.pongs.next(), '');
	c.ws.ping('x'.repeat(125));
	assert.equal(await c.pongs.next(), 'x'.repeat(125));
	for (let i = 0; i < 4; i++)
		await c.pings.next(); /* answered by ws itself, so it stays */
	c.send(chat('here'));
	assert.equal((await c.next()).text, 'here');
	const mute = await t.peer(`${s.ws}/ws/lobby`, [], { autoPong: false });
	assert.equal((await mute.end()).code, 1006);
});

test('SIGTERM closes with 1012 and lets nobody wait', async (t) => {
	const s = await t.serve();
	const c = await t.peer(`${s.ws}/ws/lobby`);
	const stopped = s.stop();
	assert.equal((await c.end()).code, 1012);
	assert.equal(await stopped, 0);
});

test('a burst of 5,000 messages from one connection arrives whole and in order at three', async (t) => {
	const s = await t.serve(['--history', '10000', '--history-bytes', '64m']);
	const peers = [];
	for (let i = 0; i < 3; i++)
		peers.push(await t.peer(`${s.ws}/ws/lobby?meta=0`));
	for (let n = 0; n < 5000; n++)
		peers[0].send(`{"n":${n}}`);
	for (const p of peers)
		for (let n = 0; n < 5000; n++)
			assert.equal(await p.text(), `{"n":${n}}`);
});

for (const policy of ['skip', 'latest', 'close'])
	test(`who does not read for a while (--slow ${policy})`, async (t) => {
		const s = await t.serve(['--history', '50', '--slow', policy]);
		const slow = await t.peer(`${s.ws}/ws/lobby`);
		slow.ws.pause();
		const other = await t.peer(`${s.ws}/ws/lobby?meta=0`);
		const pad = 'x'.repeat(20000);
		for (let n = 0; n < 2000; n++) {
			other.send(`{"n":${n},"pad":"${pad}"}`);
			if (n % 20 === 19)
				for (let i = 0; i < 20; i++)
					await other.text(); /* the quick one gets everything meanwhile */
		}
		slow.ws.resume();
		if (policy === 'close') {
			assert.equal((await slow.end()).code, 4008);
			return;
		}
		let expected = 0, gaps = 0;
		while (expected < 2000) {
			const m = await slow.next();
			if (m._op === 'gap') {
				assert.equal(m.reason, 'slow');
				gaps++;
				expected = -1;
				if (policy === 'latest')
					break;
				continue;
			}
			if (expected >= 0)
				assert.equal(m.n, expected);
			expected = m.n + 1;
		}
		assert.ok(gaps > 0);
		other.send('{"n":"end"}');
		await slow.find((m) => m.n === 'end');
	});

test('connections that were cut off are forgotten', async (t) => {
	const s = await t.serve(['--presence-grace', '0']);
	const watch = await t.peer(`${s.ws}/ws/lobby?user_id=watch`);
	for (let i = 0; i < 20; i++) {
		const c = await t.peer(`${s.ws}/ws/lobby?user_id=u${i}`);
		assert.equal((await watch.next()).type, 'user_joined');
		c.ws.terminate();
		assert.equal((await watch.next()).type, 'user_left');
	}
	assert.equal(JSON.parse((await request(`${s.http}/connections`)).text).length, 1);
});

test('handshakes that are none are refused with their status', async (t) => {
	const s = await t.serve();
	const headers = {
		Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
	};
	const status = async (path, changes) => (await request(s.http + path, { headers: { ...headers, ...changes } })).status;
	assert.equal((await request(`${s.http}/ws/lobby`)).status, 426);
	assert.equal(await status('/ws/lobby', { 'Sec-WebSocket-Version': '8' }), 426);
	assert.equal(await status('/ws/lobby', { 'Sec-WebSocket-Key': 'short' }), 400);
	assert.equal(await status('/ws/.bad', {}), 400);
	assert.equal(await status('/ws/lobby?user_id=', {}), 400);
	assert.equal(await status('/ws/lobby?token=x', {}), 501);
	assert.equal(await status('/ws/lobby?heartbeat=soon', {}), 400);
	assert.equal(await status('/nowhere', {}), 404);
	assert.equal(await status('/ws/lobby', { Origin: 'http://elsewhere.example' }), 403);
	const c = await t.peer(`${s.ws}/ws/lobby`, [], { origin: s.http });
	c.send(chat('same host'));
	assert.equal((await c.next()).text, 'same host');
});

run();
