// feed.js - a real-sized feed of 1,707 lines through every transport at once: what comes out is, byte for byte, what went in
'use strict';
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { EventSource } = require('eventsource');
const { Queue, assert, run, test, within } = require('./lib');
const { features } = require('./features');

const lines = features();
const n = lines.length;
const feed = `${lines.join('\n')}\n`;
const wide = ['--history', '5000', '--history-bytes', '64m'];

/* A program of ours or curl, from one file to another. Gives its exit status. */
function pipe(t, command, args, input, output) {
	const name = command.startsWith('rt-') ? path.join(process.env.RT_BIN, command) : command;
	const fds = [input ? fs.openSync(input, 'r') : 'ignore', output ? fs.openSync(output, 'w') : 'ignore', 'pipe'];
	const child = spawn(name, args, { stdio: fds });
	let err = '';
	fds.forEach((fd) => { if (typeof fd === 'number') fs.closeSync(fd); });
	child.stderr.on('data', (d) => { err += d; });
	t.after(() => child.kill('SIGKILL'));
	return within(new Promise((resolve, reject) => {
		child.on('error', reject);
		child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${command} ${args.join(' ')}: status ${code}: ${err}`))));
	}), `${command} ${args.join(' ')}`, 45000);
}

function same(file, what) {
	const got = fs.readFileSync(file, 'utf8');
	if (got === feed)
		return;
	const out = got.split('\n'), at = lines.findIndex((l, i) => l !== out[i]);
	assert.fail(`${what}: ${out.length - 1} lines, line ${at + 1} is ${out[at]} instead of ${lines[at]}`);
}

const subscribers = { WebSocket: 'ws', 'NDJSON stream': 'http', SSE: 'sse+http', 'long poll': 'poll+http' };

const publishers = {
	'rt-pub over WebSocket': (t, s, room, file) => pipe(t, 'rt-pub', ['-u', s.ws, room], file),
	'rt-pub by POST': (t, s, room, file) => pipe(t, 'rt-pub', ['-u', s.http, room], file),
	'curl -T -': (t, s, room, file) => pipe(t, 'curl', ['-sS', '-f', '-T', '-', '-H', 'Content-Type: application/x-ndjson', '-H', 'Expect:',
		`${s.http}/pub/${room}`], file),
};

for (const [name, send] of Object.entries(publishers))
	test(`${name}, to rt-sub by four transports, npm's ws and eventsource and curl at once`, async (t) => {
		const s = await t.serve(wide);
		const dir = t.directory(), file = path.join(dir, 'feed');
		fs.writeFileSync(file, feed);
		const ws = await t.peer(`${s.ws}/ws/quakes?meta=0`);
		const es = new EventSource(`${s.http}/events/quakes`), events = new Queue('events');
		t.after(() => es.close());
		es.onmessage = (e) => events.push(e.data);
		await within(new Promise((resolve) => { es.onopen = resolve; }), 'the event source opens');
		const subs = Object.entries(subscribers).map(([what, scheme]) => ({
			what, out: path.join(dir, scheme), done: null, args: ['-u', `${scheme}://${s.address}`, '-s', 'earliest', '-n', String(n), 'quakes'],
		}));
		for (const sub of subs)
			sub.done = pipe(t, 'rt-sub', sub.args, null, sub.out);
		subs.forEach((sub) => sub.done.catch(() => {}));
		await send(t, s, 'quakes', file);
		for (let i = 0; i < n; i++)
			assert.equal(await ws.text(), lines[i]);
		assert.deepEqual((await events.take(n)), lines);
		for (const sub of subs) {
			await sub.done;
			same(sub.out, sub.what);
		}
	});

test('rt-sub -e after the fact, by every transport, and on into another room with metadata', async (t) => {
	const s = await t.serve(wide);
	const dir = t.directory(), file = path.join(dir, 'feed'), out = path.join(dir, 'out'), meta = path.join(dir, 'meta');
	fs.writeFileSync(file, feed);
	await pipe(t, 'rt-pub', ['-u', s.address, 'quakes'], file);
	for (const [what, scheme] of Object.entries(subscribers)) {
		await pipe(t, 'rt-sub', ['-u', `${scheme}://${s.address}`, '-s', 'earliest', '-e', 'quakes'], null, out);
		same(out, what);
	}
	await pipe(t, 'rt-sub', ['-u', s.address, '-m', '-s', 'earliest', '-n', String(n), 'quakes'], null, meta);
	await pipe(t, 'rt-pub', ['-u', s.address, 'copy'], meta);
	await pipe(t, 'rt-pub', ['-u', s.address, 'copy'], meta); /* once more: every line is known */
	await pipe(t, 'rt-sub', ['-u', s.address, '-s', 'earliest', '-e', 'copy'], null, out);
	same(out, 'the copy');
});

test('the feed posted from npm\'s ws, with an acknowledgement for each line', async (t) => {
	const s = await t.serve(wide);
	const c = await t.peer(`${s.ws}/ws/quakes?meta=0&echo=0`), other = await t.peer(`${s.ws}/ws/quakes?meta=0`);
	lines.forEach((l, i) => c.send(`{"_ref":${i},${l.slice(1)}`));
	for (let i = 0; i < n; i++)
		assert.equal((await c.next())._ref, i);
	for (let i = 0; i < n; i++)
		assert.equal(await other.text(), lines[i]);
});

run();
