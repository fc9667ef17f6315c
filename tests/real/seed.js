// seed.js - the semantics of a FastAPI room server, line by line: ConnectionManager, websocket_endpoint, sse_endpoint, PresenceTracker, and the
// things such servers are warned about
//
// Where rt-serve differs on purpose the test says so.
'use strict';
const { Peer, assert, history, json_lines, publish, request, run, test, within } = require('./lib');
const http = require('node:http');

const quiet = ['--presence-grace', '0'];
const join = (t, s, room, user) => t.peer(`${s.ws}/ws/${room}?user_id=${user}&meta=0`);

test('connect(): the others of the room are told user_joined, the newcomer is not', async (t) => {
	const s = await t.serve(quiet);
	const ada = await join(t, s, 'r1', 'ada');
	const bob = await join(t, s, 'r1', 'bob');
	assert.equal(await ada.text(), '{"type":"user_joined","user_id":"bob"}');
	assert.deepEqual(await bob.settle(), []);
	await join(t, s, 'r2', 'eve'); /* another room hears nothing */
	assert.deepEqual(await ada.settle(), []);
});

test('chat: to everybody of the room with the user_id of the connection, the sender included', async (t) => {
	const s = await t.serve(quiet);
	const ada = await join(t, s, 'r1', 'ada');
	const other = await join(t, s, 'r2', 'eve');
	const bob = await join(t, s, 'r1', 'bob');
	await ada.text();
	ada.send('{"type":"chat","text":"hi there"}');
	for (const c of [ada, bob])
		assert.equal(await c.text(), '{"type":"chat","user_id":"ada","text":"hi there"}');
	assert.deepEqual(await other.settle(), []);
});

test('typing: to everybody but the sender, with nothing but the user', async (t) => {
	const s = await t.serve(quiet);
	const ada = await join(t, s, 'r1', 'ada');
	const bob = await join(t, s, 'r1', 'bob');
	await ada.text();
	ada.send('{"type":"typing"}');
	assert.equal(await bob.text(), '{"type":"typing","user_id":"ada"}');
	assert.deepEqual(await ada.settle(), []);
});

test('another type is passed on as well (there it was dropped), so is a message without one (there: KeyError)', async (t) => {
	const s = await t.serve(quiet);
	const ada = await join(t, s, 'r1', 'ada');
	ada.send('{"type":"cursor","x":1}');
	assert.equal(await ada.text(), '{"type":"cursor","user_id":"ada","x":1}');
	ada.send('{"x":1}');
	assert.equal(await ada.text(), '{"user_id":"ada","x":1}');
});

test('what is no JSON does not end the connection (there: JSONDecodeError)', async (t) => {
	const s = await t.serve(quiet);
	const ada = await join(t, s, 'r1', 'ada');
	ada.send('not json');
	assert.equal((await ada.next())._op, 'error');
	ada.send('{"type":"chat","text":"still here"}');
	assert.equal((await ada.next()).text, 'still here');
});

for (const how of ['close', 'terminate'])
	test(`disconnect(), by ${how}: the others are told user_left`, async (t) => {
		const s = await t.serve(quiet);
		const ada = await join(t, s, 'r1', 'ada');
		const bob = await join(t, s, 'r1', 'bob');
		await ada.text();
		bob.ws[how]();
		assert.equal(await ada.text(), '{"type":"user_left","user_id":"bob"}');
	});

test('broadcast(): one dead connection harms nobody else', async (t) => {
	const s = await t.serve(quiet);
	const ada = await join(t, s, 'r1', 'ada');
	const dead = [];
	for (let i = 0; i < 10; i++)
		dead.push(await join(t, s, 'r1', 'ghost'));
	const bob = await join(t, s, 'r1', 'bob');
	for (const d of dead)
		d.ws.terminate();
	for (let n = 0; n < 100; n++)
		ada.send(`{"type":"chat","text":"${n}"}`);
	for (let n = 0; n < 100; n++)
		assert.equal((await bob.find((m) => m.type === 'chat')).text, String(n));
});

test('the last one leaves: the room has no subscribers any more', async (t) => {
	const s = await t.serve(quiet);
	const ada = await join(t, s, 'r1', 'ada');
	ada.send('{"type":"chat","text":"x"}');
	await ada.text();
	const rooms = async () => JSON.parse((await request(`${s.http}/rooms?match=r1`)).text)[0];
	assert.equal((await rooms()).subscribers, 1);
	await ada.close();
	assert.equal((await rooms()).subscribers, 0);
});

test('several connections of one user are one member (there: each was announced)', async (t) => {
	const s = await t.serve(quiet);
	const ada = await join(t, s, 'r1', 'ada');
	await join(t, s, 'r1', 'bob');
	assert.equal((await ada.next()).type, 'user_joined');
	const again = await join(t, s, 'r1', 'bob');
	assert.deepEqual(await ada.settle(), []);
	again.ws.terminate();
	ada.send('{"type":"chat","text":"x"}');
	assert.equal((await ada.next()).type, 'chat');
});

test('event_generator(): {"event","data"} is written as event: and data:, with its headers', async (t) => {
	const s = await t.serve(quiet);
	const got = within(new Promise((resolve, reject) => {
		const req = http.get(`${s.http}/events/news`, (res) => {
			let text = '';
			assert.equal(res.headers['content-type'].split(';')[0], 'text/event-stream');
			assert.match(res.headers['cache-control'], /no-cache/);
			assert.equal(res.headers['x-accel-buffering'], 'no');
			publish(s, 'news', '{"event": "price", "data": {"usd": 1, "at": "noon"}}').catch(reject);
			res.on('data', (d) => {
				text += d;
				if (text.includes('noon'))
					resolve(text);
			});
		});
		t.after(() => req.destroy());
		req.on('error', reject);
	}), 'an event');
	assert.match(await got, /\nevent: price\ndata: \{"usd": 1, "at": "noon"\}\n\n$/);
});

test('PresenceTracker: heartbeat, get_online and set_typing by HTTP', async (t) => {
	const s = await t.serve([...quiet, '--presence-ttl', '1s']);
	const online = async () => JSON.parse((await request(`${s.http}/presence/r1`)).text);
	const post = (body) => request(`${s.http}/presence/r1`, { method: 'POST', body });
	const watch = await t.peer(`${s.ws}/ws/r1?meta=0`);
	assert.deepEqual((await online()).members, []);
	assert.equal((await post('{"user_id":"ada"}')).status, 200);
	assert.equal(await watch.text(), '{"type":"user_joined","user_id":"ada"}');
	const { members } = await online();
	assert.equal(members[0].user_id, 'ada');
	assert.ok(Math.abs(members[0].last_seen * 1000 - Date.now()) < 60000);
	assert.equal(members[0].typing, false);
	assert.equal((await post('{"type":"typing","user_id":"ada"}')).status, 200);
	assert.equal(await watch.text(), '{"type":"typing","user_id":"ada"}');
	assert.equal((await online()).members[0].typing, true);
	assert.equal(await watch.text(), '{"type":"user_left","user_id":"ada"}'); /* after the ttl */
	assert.deepEqual((await online()).members, []);
	assert.equal((await post('{}')).status, 400);
});

test('present by WebSocket, typing for a while', async (t) => {
	const s = await t.serve(quiet);
	const ada = await join(t, s, 'r1', 'ada'), bob = await join(t, s, 'r1', 'bob');
	ada.send('{"type":"typing"}');
	await bob.text();
	const p = JSON.parse((await request(`${s.http}/presence/r1`)).text);
	assert.deepEqual(p.members.map((m) => [m.user_id, m.typing]).sort(), [['ada', true], ['bob', false]]);
	assert.equal(p.count, 2);
	assert.equal(p.scope, 'instance');
});

test('heartbeats a browser can see, asked for or sent', async (t) => {
	const s = await t.serve(quiet);
	const c = await t.peer(`${s.ws}/ws/r1?heartbeat=1`);
	c.send('{"_op":"ping"}');
	assert.equal((await c.next())._op, 'pong');
	assert.equal((await c.next())._op, 'heartbeat');
});

test('ids enable resuming without a gap', async (t) => {
	const s = await t.serve(quiet);
	const id = await publish(s, 'r1', { n: 1 });
	await publish(s, 'r1', { n: 2 });
	const res = await request(`${s.http}/poll/r1?since=${id}`);
	assert.deepEqual(json_lines(res.text).map((m) => m.n), [2]);
});

test('a thundering herd is spread: retry: differs from client to client, within 5 s', async (t) => {
	const s = await t.serve(quiet);
	const one = () => within(new Promise((resolve, reject) => {
		const req = http.get(`${s.http}/events/r1`, (res) => res.once('data', (d) => { req.destroy(); resolve(Number(/retry: (\d+)/.exec(d)[1])); }));
		req.on('error', reject);
	}), 'retry');
	const all = await Promise.all(Array.from({ length: 20 }, one));
	assert.ok(Math.max(...all) <= 5000 && Math.min(...all) >= 0);
	assert.ok(new Set(all).size > 10, all.join());
});

test('a pattern subscribes to rooms with dots; > 5 levels are allowed', async (t) => {
	const s = await t.serve(quiet);
	const c = await t.peer(`${s.ws}/ws/events.chat.*?meta=0`);
	await publish(s, 'events.chat.room1', { n: 1 });
	await publish(s, 'events.chat.room1.deep', { n: 2 });
	await publish(s, 'a.b.c.d.e.f.g', { n: 3 });
	await publish(s, 'events.chat.room2', { n: 4 });
	assert.deepEqual([(await c.next()).n, (await c.next()).n], [1, 4]);
	assert.equal((await history(s, 'a.b.c.d.e.f.g')).length, 1);
});

test('without user_id one may listen and speak, but is nobody (there: refused)', async (t) => {
	const s = await t.serve(quiet);
	const c = await t.peer(`${s.ws}/ws/r1?meta=0`);
	c.send('{"type":"chat","text":"x","user_id":"me"}');
	assert.equal(await c.text(), '{"type":"chat","text":"x","user_id":"me"}');
	assert.equal(JSON.parse((await request(`${s.http}/presence/r1`)).text).count, 0);
	const bad = new Peer(`${s.ws}/ws/r1?user_id=${'x'.repeat(129)}`);
	await assert.rejects(within(bad.opened, 'an answer'), /400/);
});

run();
