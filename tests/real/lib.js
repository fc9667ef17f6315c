// lib.js - what the scripts share: tests as TAP, a server of one's own, clients whose messages can be waited for
//
// Every wait is bounded and for something that happens; nothing sleeps. Servers are on port 0 of loopback and are ended by their own process handle.
'use strict';
const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');

const LIMIT_MS = 10000;
const bin = process.env.RT_BIN;
const tests = [];

function test(name, fn) {
	tests.push({ name, fn });
}

/* Rejects when the promise has not settled in time. */
function within(promise, what, ms = LIMIT_MS) {
	let timer;
	const late = new Promise((_, reject) => {
		timer = setTimeout(() => reject(new Error(`nothing within ${ms} ms: ${what}`)), ms);
	});
	return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/* A queue with one reader: what arrived is kept until somebody asks. */
class Queue {
	constructor(what) {
		this.what = what;
		this.items = [];
		this.waiting = null;
		this.ended = null;
	}

	push(item) {
		this.items.push(item);
		if (this.waiting)
			this.waiting();
	}

	end(why) {
		this.ended = this.ended || why;
		if (this.waiting)
			this.waiting();
	}

	async next(what = 'the next item') {
		while (this.items.length === 0) {
			if (this.ended)
				throw new Error(`${this.what} ended (${this.ended}) before ${what}`);
			await within(new Promise((resolve) => { this.waiting = resolve; }), `${this.what}: ${what}`);
			this.waiting = null;
		}
		return this.items.shift();
	}

	/* The first that fits; those before it are dropped. */
	async find(fits, what = String(fits)) {
		for (;;) {
			const item = await this.next(what);
			if (fits(item))
				return item;
		}
	}

	async take(n) {
		const items = [];
		while (items.length < n)
			items.push(await this.next(`item ${items.length + 1} of ${n}`));
		return items;
	}
}

class Server {
	constructor(child) {
		this.child = child;
		this.stderr = '';
		this.exited = new Promise((resolve) => child.on('exit', (code, signal) => resolve(signal || code)));
		child.stderr.on('data', (d) => { this.stderr += d; });
	}

	static async start(args = [], port = 0) {
		const child = spawn(path.join(bin, 'rt-serve'), ['-l', String(port), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
		const s = new Server(child);
		let text = '';
		const line = new Promise((resolve, reject) => {
			child.stdout.on('data', (d) => {
				text += d;
				if (text.includes('\n'))
					resolve(text.slice(0, text.indexOf('\n')));
			});
			child.on('error', reject);
			s.exited.then((how) => reject(new Error(`rt-serve ended with ${how}: ${s.stderr}`)));
		});
		line.catch(() => {});
		s.args = args;
		s.ready = JSON.parse(await within(line, 'the ready line'));
		s.address = s.ready.listen[0];
		s.port = Number(s.address.split(':').pop());
		s.http = `http://${s.address}`;
		s.ws = `ws://${s.address}`;
		return s;
	}

	async stop(signal = 'SIGTERM') {
		this.child.kill(signal);
		return within(this.exited, `rt-serve ends after ${signal}`);
	}
}

/* One request; the whole answer. */
function request(url, { method = 'GET', headers = {}, body, agent } = {}) {
	return within(new Promise((resolve, reject) => {
		const req = http.request(url, { method, headers, agent: agent || new http.Agent() }, (res) => {
			const parts = [];
			res.on('data', (d) => parts.push(d));
			res.on('error', reject);
			res.on('end', () => {
				const text = Buffer.concat(parts).toString();
				resolve({ status: res.statusCode, headers: res.headers, text });
			});
		});
		req.on('error', reject);
		req.end(body);
	}), `${method} ${url}`);
}

async function publish(server, room, message) {
	const body = typeof message === 'string' ? message : JSON.stringify(message);
	const res = await request(`${server.http}/pub/${room}`, { method: 'POST', body });
	assert.equal(res.status, 200, res.text);
	return JSON.parse(res.text)._id;
}

const lines = (text) => text.split('\n').filter((l) => l !== '');
const json_lines = (text) => lines(text).map((l) => JSON.parse(l));

async function history(server, room) {
	return json_lines((await request(`${server.http}/history/${room}?limit=10000`)).text);
}

/* The payload of an event: what metadata was spliced in front is taken off again. */
function payload(event) {
	const { _id, _room, _ts, _key, ...rest } = event;
	return rest;
}

/* npm's ws with a queue of its messages. */
class Peer {
	constructor(url, protocols, options) {
		const WebSocket = require('ws');
		this.ws = new WebSocket(url, protocols, { handshakeTimeout: LIMIT_MS, ...options });
		this.raw = new Queue(`messages of ${url}`);
		this.pings = new Queue(`pings of ${url}`);
		this.pongs = new Queue(`pongs of ${url}`);
		this.opened = new Promise((resolve, reject) => {
			this.ws.on('open', () => resolve(this));
			this.ws.on('error', reject);
			this.ws.on('upgrade', (res) => { this.headers = res.headers; });
		});
		this.opened.catch(() => {});
		this.closed = new Promise((resolve) => {
			this.ws.on('close', (code, reason) => {
				this.raw.end(`close ${code}`);
				resolve({ code, reason: reason.toString() });
			});
		});
		this.ws.on('message', (data, binary) => this.raw.push(binary ? data : data.toString()));
		this.ws.on('ping', (d) => this.pings.push(d.toString()));
		this.ws.on('pong', (d) => this.pongs.push(d.toString()));
	}

	static async open(url, protocols, options) {
		const p = new Peer(url, protocols, options);
		await within(p.opened, `open ${url}`);
		return p;
	}

	send(message) {
		this.ws.send(typeof message === 'string' ? message : JSON.stringify(message));
	}

	text() {
		return this.raw.next();
	}

	async next() {
		return JSON.parse(await this.raw.next());
	}

	async find(fits) {
		return JSON.parse(await this.raw.find((t) => fits(JSON.parse(t)), String(fits)));
	}

	/* Everything up to the answer to a ping that is sent now, without it. */
	async settle() {
		const got = [];
		this.send({ _op: 'ping' });
		for (;;) {
			const m = await this.next();
			if (m._op === 'pong')
				return got;
			got.push(m);
		}
	}

	async close(code = 1000) {
		this.ws.close(code);
		return within(this.closed, 'the close');
	}

	end() {
		return within(this.closed, 'the end of the connection');
	}
}

/* What a test starts through this is gone when the test is over. */
class Context {
	constructor() {
		this.undo = [];
	}

	after(fn) {
		this.undo.unshift(fn);
	}

	async serve(args, port) {
		const s = await Server.start(args, port);
		this.after(async () => {
			if (s.child.exitCode === null && s.child.signalCode === null) {
				const how = await s.stop();
				assert.equal(how, 0, `rt-serve ended with ${how}: ${s.stderr}`);
			}
			if (/Sanitizer|runtime error/.test(s.stderr))
				throw new Error(s.stderr);
		});
		return s;
	}

	async peer(url, protocols, options) {
		const p = await Peer.open(url, protocols, options);
		this.after(() => p.ws.terminate());
		return p;
	}

	directory() {
		const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rt-real-'));
		this.after(() => fs.rmSync(dir, { recursive: true, force: true }));
		return dir;
	}
}

async function run_one({ name, fn }, n) {
	const t = new Context();
	let error = null;
	try {
		await within(fn(t), name, 60000);
	} catch (e) {
		error = e;
	}
	for (const undo of t.undo) {
		try {
			await undo();
		} catch (e) {
			error = error || e;
		}
	}
	console.log(`${error ? 'not ok' : 'ok'} ${n} - ${name}`);
	if (error)
		console.log(String(error.stack || error).replace(/^/gm, '    '));
	return !error;
}

/* Runs what test() collected; an argument runs only the tests whose name contains it. */
async function run() {
	const only = process.argv[2];
	const chosen = tests.filter((t) => !only || t.name.includes(only));
	let good = true;
	for (let i = 0; i < chosen.length; i++)
		good = await run_one(chosen[i], i + 1) && good;
	console.log(`1..${chosen.length}`);
	process.exit(good ? 0 : 1);
}

/* Runs a program to its end. */
function execute(command, args, { input, env, cwd } = {}) {
	return within(new Promise((resolve, reject) => {
		const child = spawn(command, args, { env: { ...process.env, ...env }, cwd });
		const out = [], err = [];
		child.stdout.on('data', (d) => out.push(d));
		child.stderr.on('data', (d) => err.push(d));
		child.on('error', reject);
		child.on('close', (code, signal) => resolve({
			code: signal || code,
			stdout: Buffer.concat(out).toString(),
			stderr: Buffer.concat(err).toString(),
		}));
		child.stdin.on('error', () => {});
		child.stdin.end(input);
	}), `${command} ends`, 30000);
}

module.exports = {
	LIMIT_MS, Peer, Queue, Server, assert, bin, execute, history, json_lines, lines, payload, publish, request, run, test, within,
};
