// browser.js - Chromium against rt-serve, with a page of another origin
//
// Screenshots are written to build/real.
'use strict';
const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { chromium } = require('playwright-core');
const { assert, publish, run, test } = require('./lib');

const top = path.resolve(__dirname, '../..');
const shots = path.join(top, 'build/real');
const flags = ['--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
if (process.getuid() === 0)
	flags.push('--no-sandbox');

/* The page from a port, so an origin, of its own. */
async function pages(t) {
	const server = http.createServer((req, res) => {
		res.setHeader('Content-Type', 'text/html; charset=utf-8');
		res.end(fs.readFileSync(path.join(__dirname, 'page.html')));
	});
	await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
	t.after(() => { server.closeAllConnections(); server.close(); });
	return `http://127.0.0.1:${server.address().port}`;
}

async function browse(t, url) {
	const browser = await chromium.launch({ executablePath: process.env.RT_CHROMIUM || '/usr/bin/chromium', args: flags, timeout: 30000 });
	t.after(() => browser.close());
	const page = await browser.newPage({ viewport: { width: 1000, height: 620 } });
	page.setDefaultTimeout(15000);
	page.complaints = [];
	page.on('console', (m) => { if (m.type() === 'error' || m.type() === 'warning') page.complaints.push(m.text()); });
	page.on('pageerror', (e) => page.complaints.push(`uncaught ${e}`));
	await page.goto(url);
	return page;
}

const query = (s, room, more = '') => `/?gateway=${s.address}&room=${room}${more}`;
const rows = (page, list) => page.locator(`#${list} li`).allTextContents();

/* Without who came and went. */
const chats = async (page, list) => (await rows(page, list)).filter((r) => !/user_(joined|left)$/.test(r));

/* The rows once the last one is there. The EventSource may or may not see the page's own WebSocket join and leave. */
async function rows_to(page, list, last) {
	await page.locator(`#${list} li`, { hasText: last }).waitFor();
	return (await rows(page, list)).filter((r) => r !== 'ada user_joined' && r !== 'bob user_left');
}

async function wait_state(page, list, text) {
	await page.locator(`#${list}-state`, { hasText: text }).waitFor();
}

async function shot(page, name) {
	fs.mkdirSync(shots, { recursive: true });
	await page.screenshot({ path: path.join(shots, `${name}.png`) });
}

test('a page of another origin is refused without --origin', async (t) => {
	const s = await t.serve();
	const page = await browse(t, await pages(t) + query(s, 'lobby', '&once'));
	await wait_state(page, 'ws', 'closed 1006');
	await wait_state(page, 'sse', 'refused');
	const posted = await page.evaluate((url) => fetch(url, { method: 'POST', body: '{"n":1}' }).then((r) => r.status, (e) => e.name),
		`${s.http}/pub/lobby`);
	assert.equal(posted, 'TypeError');
	await shot(page, 'refused');
	const other = await t.peer(`${s.ws}/ws/lobby?since=earliest`);
	assert.deepEqual((await other.settle()).map((m) => m._op), ['subscribed']);
	assert.ok(page.complaints.some((c) => /403/.test(c)), page.complaints.join('\n'));
});

test('with --origin it joins by WebSocket and EventSource, resumes over a restart and shows the gap', async (t) => {
	const origin = await pages(t);
	const s = await t.serve(['--origin', origin]);
	const page = await browse(t, origin + query(s, 'lobby'));
	await wait_state(page, 'ws', 'open');
	await wait_state(page, 'sse', 'open');
	const bob = await t.peer(`${s.ws}/ws/lobby?user_id=bob`);
	bob.send({ type: 'chat', text: 'hello from Zo\u00eb' });
	await page.evaluate(() => socket.send(JSON.stringify({ type: 'chat', text: 'hello from the page' })));
	const first = ['bob user_joined', 'bob: hello from Zo\u00eb', 'ada: hello from the page'];
	assert.deepEqual(await rows_to(page, 'ws', 'ada: hello from the page'), first);
	assert.deepEqual(await rows_to(page, 'sse', 'ada: hello from the page'), first);
	assert.deepEqual(page.complaints, []);
	await shot(page, 'joined');

	await s.stop();
	await wait_state(page, 'sse', 'reconnecting');
	const s2 = await t.serve(['--origin', origin], s.port);
	await publish(s2, 'lobby', { type: 'chat', user_id: 'eve', text: 'after the restart' });
	const later = [...first, 'messages may be missing here (epoch)', 'eve: after the restart'];
	assert.deepEqual(await rows_to(page, 'ws', 'eve: after the restart'), later);
	assert.deepEqual(await rows_to(page, 'sse', 'eve: after the restart'), later);
	await wait_state(page, 'ws', 'open');
	await wait_state(page, 'sse', 'open');
	await shot(page, 'resumed');
	const expected = /ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_EMPTY_RESPONSE/;
	assert.deepEqual(page.complaints.filter((c) => !expected.test(c)), []);
});

test('within one epoch a page that was cut off misses nothing and sees no gap', async (t) => {
	const origin = await pages(t);
	const s = await t.serve(['--origin', origin]);
	const page = await browse(t, origin + query(s, 'lobby'));
	await wait_state(page, 'ws', 'open');
	await wait_state(page, 'sse', 'open');
	await publish(s, 'lobby', { type: 'chat', user_id: 'eve', text: '0' });
	await rows_to(page, 'ws', 'eve: 0');
	await page.evaluate(() => socket.close());
	const expected = ['eve: 0'];
	for (let n = 1; n <= 50; n++) {
		await publish(s, 'lobby', { type: 'chat', user_id: 'eve', text: String(n) });
		expected.push(`eve: ${n}`);
	}
	await page.locator('#ws li', { hasText: 'eve: 50' }).waitFor();
	await page.locator('#sse li', { hasText: 'eve: 50' }).waitFor();
	assert.deepEqual(await chats(page, 'ws'), expected);
	assert.deepEqual(await chats(page, 'sse'), expected);
	assert.deepEqual(page.complaints, []);
});

test('an EventSource that never saw a message resumes from its start', async (t) => {
	const origin = await pages(t);
	const s = await t.serve(['--origin', origin]);
	const page = await browse(t, origin + query(s, 'lobby'));
	await wait_state(page, 'sse', 'open');
	await s.stop('SIGKILL');
	await wait_state(page, 'sse', 'reconnecting');
	const s2 = await t.serve(['--origin', origin], s.port);
	await publish(s2, 'lobby', { type: 'chat', user_id: 'eve', text: 'early' });
	await page.locator('#sse li', { hasText: 'eve: early' }).waitFor();
	await page.locator('#ws li', { hasText: 'eve: early' }).waitFor();
	for (const list of ['sse', 'ws'])
		assert.deepEqual(await chats(page, list), ['messages may be missing here (epoch)', 'eve: early']);
});

test('the page sees the close codes: its own, 1003, 1009, 1012', async (t) => {
	const origin = await pages(t);
	const s = await t.serve(['--origin', '*']);
	const page = await browse(t, origin + query(s, 'elsewhere', '&once'));
	await wait_state(page, 'ws', 'open');
	const close_of = (what) => page.evaluate(([url, code]) => new Promise((resolve) => {
		const ws = new WebSocket(url);
		ws.onopen = () => new Function('ws', code)(ws);
		ws.onclose = (e) => resolve([e.code, e.wasClean]);
	}), [`${s.ws}/ws/lobby`, what]);
	assert.deepEqual(await close_of('ws.close()'), [1005, true]);
	assert.deepEqual(await close_of('ws.close(4321, "bye")'), [4321, true]);
	assert.deepEqual(await close_of('ws.send(new Uint8Array(3))'), [1003, true]);
	const [code] = await close_of('ws.send("x".repeat(4 << 20))'); /* not clean: the page still has bytes to send */
	assert.equal(code, 1009);
	await s.stop();
	await wait_state(page, 'ws', 'closed 1012');
});

test('fetch from the page: preflight, POST with JSON and a dedup key, poll with Rt-Next, a stream', async (t) => {
	const origin = await pages(t);
	const s = await t.serve(['--origin', origin]);
	const page = await browse(t, origin + query(s, 'elsewhere'));
	await wait_state(page, 'ws', 'open');
	const result = await page.evaluate(async (base) => {
		const post = (body) => fetch(`${base}/pub/lobby`, {
			method: 'POST', body, headers: { 'Content-Type': 'application/json', 'Idempotency-Key': body.length.toString() },
		}).then((r) => r.json());
		const head = await fetch(`${base}/poll/lobby`);
		const since = head.headers.get('Rt-Next');
		const first = await post('{"n":1}');
		const again = await post('{"n":1}');
		const poll = await fetch(`${base}/poll/lobby?since=${since}&timeout=5`);
		const stream = await fetch(`${base}/stream/lobby?since=${since}`);
		const reader = stream.body.getReader();
		let text = '';
		while (!text.includes('"n":1'))
			text += new TextDecoder().decode((await reader.read()).value);
		await reader.cancel();
		const bad = await fetch(`${base}/pub/lobby`, { method: 'POST', body: 'nonsense' });
		return { status: head.status, since, first, again, polled: await poll.text(), next: poll.headers.get('Rt-Next'), text, bad: bad.status };
	}, s.http);
	assert.equal(result.status, 204);
	assert.ok(result.since);
	assert.equal(result.again._id, result.first._id);
	assert.equal(result.again.dup, true);
	assert.equal(JSON.parse(result.polled).n, 1);
	assert.equal(result.next, result.first._id);
	assert.equal(JSON.parse(result.text.split('\n')[0])._id, result.first._id);
	assert.equal(result.bad, 400);
});

run();
