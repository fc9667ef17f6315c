// stranger.js - servers of others, each started on a port of its own and ended by its process handle
//
// RT_NGINX is where nginx and its nchan were unpacked, RT_CENTRIFUGO that program; without RT_NGINX an installed nginx is taken.
// STRANGERS: name -> { has: can it be started here?, profile, transports, start(dir): resolves to { child, url } }
'use strict';
const { execute, within } = require('./lib');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const path = require('node:path');

const NGINX = ['/usr/sbin/nginx', '/usr/lib/nginx/modules/ngx_nchan_module.so'].map((f) => (process.env.RT_NGINX || '') + f);

/* One that was free a moment ago: these servers do not say which one they got. */
function free_port() {
	return new Promise((resolve, reject) => {
		const s = net.createServer();
		s.on('error', reject);
		s.listen(0, '127.0.0.1', () => {
			const { port } = s.address();
			s.close(() => resolve(port));
		});
	});
}

function accepts(port) {
	return new Promise((resolve) => {
		const c = net.connect(port, '127.0.0.1');
		c.on('connect', () => { c.destroy(); resolve(true); });
		c.on('error', () => resolve(false));
	});
}

/* Started, and accepting connections; `files` are written into `dir` first. */
async function launch(command, args, dir, files, port) {
	for (const [name, text] of Object.entries(files))
		fs.writeFileSync(path.join(dir, name), text);
	const child = spawn(command, args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'] });
	let errors = '', ended = false;
	child.stderr.on('data', (d) => { errors += d; });
	child.on('exit', () => { ended = true; });
	child.on('error', (e) => { ended = true; errors += e; });
	await within((async () => {
		while (!await accepts(port)) {
			if (ended)
				throw new Error(`${command} ended: ${errors}`);
			await new Promise((resolve) => setImmediate(resolve));
		}
	})(), `${command} accepts connections`, 30000);
	return { child, url: `ws://127.0.0.1:${port}` };
}

async function nchan(dir) {
	const port = await free_port();
	return launch(NGINX[0], ['-p', dir, '-e', 'stderr', '-c', path.join(dir, 'nginx.conf')], dir, {
		'nginx.conf': `load_module ${NGINX[1]};
			daemon off; master_process off; pid nginx.pid; error_log stderr error;
			events { worker_connections 16384; }
			http {
				access_log off; client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
				server {
					listen 127.0.0.1:${port} backlog=4096;
					keepalive_requests 1000000000;
					location ~ ^/sub/(.+)$ { nchan_subscriber websocket eventsource; nchan_channel_id $1; nchan_subscriber_first_message newest; }
					location ~ ^/pub/(.+)$ { nchan_publisher http; nchan_channel_id $1; }
				}
			}`,
	}, port);
}

async function centrifugo(dir) {
	const port = await free_port();
	return launch(process.env.RT_CENTRIFUGO, ['-c', 'config.json'], dir, {
		'config.json': JSON.stringify({
			http_server: { address: '127.0.0.1', port }, log: { level: 'error' },
			client: { insecure: true }, http_api: { insecure: true }, uni_sse: { enabled: true },
			channel: { without_namespace: { allow_subscribe_for_client: true } },
		}),
	}, port);
}

async function fanout() {
	const child = spawn(process.execPath, [path.join(__dirname, 'fanout.js')], { stdio: ['ignore', 'pipe', 'inherit'] });
	const port = await within(new Promise((resolve) => child.stdout.once('data', (d) => resolve(Number(d)))), 'the port of fanout.js');
	return { child, url: `ws://127.0.0.1:${port}/room` };
}

const STRANGERS = {
	nchan: { has: NGINX.every((f) => fs.existsSync(f)), profile: 'nchan', transports: ['ws', 'sse'], start: nchan },
	centrifugo: { has: Boolean(process.env.RT_CENTRIFUGO), profile: 'centrifugo', transports: ['ws', 'sse'], start: centrifugo },
	'npm-ws': { has: true, profile: 'raw', transports: ['ws'], start: fanout },
};

async function stop({ child }) {
	const gone = new Promise((resolve) => child.on('exit', resolve));
	if (child.exitCode !== null || child.signalCode !== null)
		return;
	child.kill('SIGKILL');
	await within(gone, 'the end of a server');
}

/* Runs rt-bench; resolves to its status and its report. */
async function bench(args) {
	const r = await execute(path.join(process.env.RT_BIN, 'rt-bench'), [...args, '-f', 'json']);
	return { code: r.code, stderr: r.stderr, report: r.stdout ? JSON.parse(r.stdout) : null };
}

module.exports = { STRANGERS, bench, stop };
