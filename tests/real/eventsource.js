// eventsource.js - npm's eventsource against rt-serve: messages, ids, resuming over a restart, names, several rooms, shapes of payloads
//
// This client knows only ids of events that it dispatched: a bare `id:` block, which sets lastEventId in browsers, passes it by. So what depends on
// those is tested in browser.js.
'use strict';
const { EventSource } = require('eventsource');
const { Queue, assert, publish, request, run, test, within } = require('./lib');

/* An EventSource whose events of some types are queued as [type, data, lastEventId]. */
async function open(t, url, types = ['message']) {
	const es = new EventSource(url);
	const q = new Queue(`events of ${url}`);
	t.after(() => es.close());
	q.es = es;
	q.errors = [];
	for (const type of types)
		es.addEventListener(type, (e) => q.push([type, e.data, e.lastEventId]));
	await within(new Promise((resolve, reject) => {
		es.addEventListener('open', resolve, { once: true });
		es.addEventListener('error', reject, { once: true });
	}), `open ${url}`);
	es.addEventListener('error', (e) => q.errors.push(e));
	return q;
}

/* The bytes of an answer until they contain something. */
function raw(t, url, headers, until) {
	return within(new Promise((resolve, reject) => {
		const req = require('node:http').get(url, { headers }, (res) => {
			let text = '';
			res.on('data', (d) => {
				text += d;
				if (text.includes(until))
					resolve({ text, headers: res.headers, status: res.statusCode });
			});
			res.on('end', () => reject(new Error(`ended after ${text}`)));
			res.on('error', reject);
		});
		t.after(() => req.destroy());
		req.on('error', reject);
	}), `${until} in ${url}`);
}

test('messages arrive at onmessage with their id; typing has none', async (t) => {
	const s = await t.serve();
	const q = await open(t, `${s.http}/events/lobby`);
	const id = await publish(s, 'lobby', '{"type":"chat", "text":"hi","n":1.0}');
	assert.deepEqual(await q.next(), ['message', '{"type":"chat", "text":"hi","n":1.0}', id]);
	await publish(s, 'lobby', { type: 'typing', user_id: 'ada' });
	assert.equal((await q.next())[1], '{"type":"typing","user_id":"ada"}');
});

test('the start sets lastEventId and dispatches nothing', async (t) => {
	const s = await t.serve();
	await publish(s, 'lobby', { n: 0 });
	const { text, headers, status } = await raw(t, `${s.http}/events/lobby`, {}, 'id: ');
	assert.equal(status, 200);
	assert.match(text, /^:\nretry: \d+\n\nid: \S+\n\n$/);
	const retry = Number(text.match(/retry: (\d+)/)[1]);
	assert.ok(retry >= 0 && retry <= 5000);
	assert.equal(headers['content-type'], 'text/event-stream; charset=utf-8');
	assert.match(headers['cache-control'], /no-cache/);
	assert.equal(headers['x-accel-buffering'], 'no');
	assert.match(headers['rt-conn'], /^c/);
	assert.equal(text.match(/id: (\S+)/)[1], headers['rt-head']);
	const q = await open(t, `${s.http}/events/lobby`);
	await publish(s, 'lobby', { n: 1 });
	assert.equal((await q.next())[1], '{"n":1}');
});

test('Last-Event-ID resumes; so do last_event_id, lastEventId and since', async (t) => {
	const s = await t.serve();
	const first = await publish(s, 'lobby', { n: 0 });
	const ids = [];
	for (let n = 1; n <= 3; n++)
		ids.push(await publish(s, 'lobby', { n }));
	const expected = ids.map((id, i) => `id: ${id}\ndata: {"n":${i + 1}}\n\n`).join('');
	const tails = [['', { 'Last-Event-ID': first }], [`?last_event_id=${first}`, {}], [`?lastEventId=${first}`, {}], [`?since=${first}`, {}]];
	for (const [query, headers] of tails) {
		const { text } = await raw(t, `${s.http}/events/lobby${query}`, headers, '{"n":3}\n\n');
		assert.ok(text.endsWith(expected), text);
		assert.ok(!text.includes('event: gap'));
	}
	const odd = await raw(t, `${s.http}/events/lobby`, { 'Last-Event-ID': 'no id of ours' }, '\n\nid');
	assert.equal(odd.status, 200);
	const gap = await raw(t, `${s.http}/events/lobby`, { 'Last-Event-ID': 'no id of ours' }, 'event: gap');
	assert.equal(gap.status, 200);
	assert.equal((await request(`${s.http}/events/lobby?since=no%20id`)).status, 400);
});

for (const signal of ['SIGTERM', 'SIGKILL'])
	test(`a restart on the same port (${signal}): EventSource comes back by itself, is told the gap, and goes on`, async (t) => {
		const s = await t.serve();
		const q = await open(t, `${s.http}/events/lobby`, ['message', 'gap']);
		const id = await publish(s, 'lobby', { n: 1 });
		await q.next();
		await s.stop(signal);
		const s2 = await t.serve([], s.port);
		const [type, data, last] = await q.next();
		assert.equal(type, 'gap');
		const gap = JSON.parse(data);
		assert.equal(gap._op, 'gap');
		assert.equal(gap.reason, 'epoch');
		assert.equal(gap.after, id);
		assert.equal(gap.at, last);
		const id2 = await publish(s2, 'lobby', { n: 2 });
		assert.deepEqual(await q.next(), ['message', '{"n":2}', id2]);
		assert.ok(q.errors.length > 0);
	});

test('what was published between a restart and the return is not lost', async (t) => {
	const s = await t.serve();
	const q = await open(t, `${s.http}/events/lobby`, ['message', 'gap']);
	await publish(s, 'lobby', { n: 1 });
	await q.next();
	await s.stop('SIGKILL');
	const s2 = await t.serve([], s.port);
	const id = await publish(s2, 'lobby', { n: 2 });
	assert.equal((await q.next())[0], 'gap');
	assert.deepEqual(await q.next(), ['message', '{"n":2}', id]);
});

test('named=1 gives the type as event name', async (t) => {
	const s = await t.serve();
	const q = await open(t, `${s.http}/events/lobby?named=1`, ['message', 'chat', 'gap', 'error2']);
	await publish(s, 'lobby', { type: 'chat', n: 1 });
	await publish(s, 'lobby', { n: 2 });
	await publish(s, 'lobby', { type: 'gap', n: 3 });
	await publish(s, 'lobby', { type: 'chat\nid: x', n: 4 });
	assert.deepEqual((await q.take(4)).map(([type, data]) => [type, JSON.parse(data).n]),
		[['chat', 1], ['message', 2], ['message', 3], ['message', 4]]);
});

test('several rooms and patterns have _room in front, one id resumes them all', async (t) => {
	const s = await t.serve();
	const q = await open(t, `${s.http}/events?room=a&room=b`);
	const id = await publish(s, 'a', { n: 1 });
	await publish(s, 'b', { n: 2 });
	await publish(s, 'c', { n: 3 });
	await publish(s, 'a', {});
	assert.deepEqual((await q.take(3)).map((e) => e[1]), ['{"_room":"a","n":1}', '{"_room":"b","n":2}', '{"_room":"a"}']);
	const { text } = await raw(t, `${s.http}/events?room=a&room=b&since=${id}`, {}, '"a"}\n\n');
	assert.deepEqual(text.match(/data: .*/g), ['data: {"_room":"b","n":2}', 'data: {"_room":"a"}']);
	const p = await open(t, `${s.http}/events/eu.%3E`);
	await publish(s, 'eu.fr.paris', { n: 4 });
	assert.equal((await p.next())[1], '{"_room":"eu.fr.paris","n":4}');
});

test('{"event":...,"data":...} becomes the event with only its data; our own names are never taken', async (t) => {
	const s = await t.serve();
	const q = await open(t, `${s.http}/events/lobby`, ['message', 'price', 'gap']);
	await publish(s, 'lobby', '{"event": "price", "data": {"usd": 1.50}}');
	await publish(s, 'lobby', '{"data":[1, 2],"event":"price"}');
	await publish(s, 'lobby', '{"event":"gap","data":"x"}');
	await publish(s, 'lobby', '{"event":"price","data":1,"more":2}');
	await publish(s, 'lobby', '{"event":"price\\n\\ndata: forged","data":3}');
	assert.deepEqual((await q.take(5)).map((e) => e.slice(0, 2)), [['price', '{"usd": 1.50}'], ['price', '[1, 2]'], ['message', '"x"'],
		['message', '{"event":"price","data":1,"more":2}'], ['message', '3']]);
});

test('a payload cannot write a field, whatever separates its lines', async (t) => {
	const s = await t.serve();
	const q = await open(t, `${s.http}/events/lobby`);
	const texts = ['{"t":"a\\nid: 1\\n\\ndata: x"}', '{"t":"\u2028\u2029\u0085\u000b"}'.replace('\u000b', '\\u000b'), '{"t":"\ufeff\u00e9\u{1F600}"}'];
	for (const text of texts)
		await publish(s, 'lobby', text);
	await publish(s, 'lobby', '{"t":\r\n\n\r1}');
	assert.deepEqual((await q.take(3)).map((e) => e[1]), texts);
	assert.deepEqual(JSON.parse((await q.next())[1]), { t: 1 });
});

test('heartbeats: a comment, or the id where only others rooms moved it', async (t) => {
	const s = await t.serve(['--heartbeat', '200ms']);
	const quiet = await raw(t, `${s.http}/events/lobby`, {}, ':\n\n:\n\n');
	assert.ok(quiet.text.length > 0);
	const { headers } = quiet;
	const moved = raw(t, `${s.http}/events/lobby`, { 'Last-Event-ID': headers['rt-head'] }, 'id: ');
	await moved;
	const id = await publish(s, 'elsewhere', { n: 1 });
	const { text } = await raw(t, `${s.http}/events/lobby?since=${headers['rt-head']}`, {}, `id: ${id}\n\n`);
	assert.ok(!text.includes('data:'));
});

test('300 messages of 3 KB in one go arrive whole, in order, with ascending ids', async (t) => {
	const s = await t.serve(['--history-bytes', '8m']);
	const q = await open(t, `${s.http}/events/lobby`);
	const body = Array.from({ length: 300 }, (_, n) => JSON.stringify({ n, pad: '\u00e9'.repeat(1500) })).join('\n');
	const res = await request(`${s.http}/pub/lobby`, { method: 'POST', body, headers: { 'Content-Type': 'application/x-ndjson' } });
	assert.match(res.text, /\{"accepted":300,"refused":0\}\n$/);
	const got = await q.take(300);
	assert.equal(got.map((e) => e[1]).join('\n'), body);
	assert.equal(new Set(got.map((e) => e[2])).size, 300);
});

run();
