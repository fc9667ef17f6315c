// strangers.js [ROUNDS [SECONDS]] - rt-serve and servers of others under the same load, in turn; prints a table of medians
//
// Needs RT_BIN, NODE_PATH (npm's ws) and, for Centrifugo, RT_CENTRIFUGO; tests/real/run.sh says where they are. A run of which the tool itself says
// that it is void is made once more, at most twice.
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Server } = require('../real/lib');
const { STRANGERS, bench, stop } = require('../real/stranger');

const [rounds, seconds] = [Number(process.argv[2] || 5), Number(process.argv[3] || 5)];
const SUBSCRIBERS = 200, RATE = 100, SIZE = 128;

const by_request = {
	subscribe: { ws: { path: '/ws/{room}?meta=1', ready: '"_op":"subscribed"' }, sse: { path: '/events/{room}' } },
	publish: { post: { path: '/pub/{room}', headers: ['Content-Type: application/json'] } },
	ignored: ['{"_op":', '"type":"user_'],
};

async function rt(dir) {
	fs.writeFileSync(path.join(dir, 'by-request.json'), JSON.stringify(by_request));
	const s = await Server.start([]);
	return { child: s.child, url: s.ws };
}

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rt-strangers-'));
const rows = [
	...['ws', 'sse'].map((transport) => ({ name: 'rt-serve, profile rt', profile: 'rt', transport, start: rt })),
	...['ws', 'sse'].map((transport) => ({ name: 'rt-serve, by requests', profile: path.join(dir, 'by-request.json'), transport, start: rt })),
	...Object.entries(STRANGERS).filter(([, s]) => s.has)
		.flatMap(([name, s]) => s.transports.map((transport) => ({ name, profile: s.profile, transport, start: s.start }))),
].map((row) => ({ ...row, runs: [], void: 0 }));

async function once(row, n) {
	const place = path.join(dir, String(n));
	fs.mkdirSync(place);
	const server = await row.start(row.name.startsWith('rt-serve') ? dir : place);
	const { report, stderr } = await bench(['fanout', '-c', String(SUBSCRIBERS), '-r', `${RATE}/s`, '--size', String(SIZE), '-d', `${seconds}s`,
		'--transport', row.transport, '--profile', row.profile, '--pid', String(server.child.pid), server.url]);
	await stop(server);
	if (!report)
		throw new Error(`${row.name}: ${stderr}`);
	return report;
}

const median = (values) => values.slice().sort((a, b) => a - b)[Math.floor(values.length / 2)];
const column = (row, get) => row.runs.length ? median(row.runs.map(get)) : NaN;
const ms = (ns) => (ns / 1e6).toFixed(2);

async function main() {
	let n = 0;
	for (let round = 0; round < rounds; round++) {
		for (const row of rows) {
			for (let left = 3; left > 0; left--) {
				const report = await once(row, n++);
				if (report.end === 'generator') {
					row.void++;
					continue;
				}
				row.runs.push(report);
				break;
			}
		}
	}
	console.log('server                 way   lost  p50 ms  p99 ms  unc. p50  unc. p99  CPU us a delivery  lag p99 ms  runs  void');
	for (const row of rows) {
		console.log([row.name.padEnd(22), row.transport.padEnd(4), String(row.runs.reduce((sum, r) => sum + r.lost, 0)).padStart(5),
			ms(column(row, (r) => r.latency_ns.p50)).padStart(7), ms(column(row, (r) => r.latency_ns.p99)).padStart(7),
			ms(column(row, (r) => r.uncorrected_ns.p50)).padStart(9), ms(column(row, (r) => r.uncorrected_ns.p99)).padStart(9),
			(column(row, (r) => r.server_cpu_s / r.received) * 1e6).toFixed(2).padStart(18),
			ms(column(row, (r) => r.lag_ns.p99)).padStart(11), String(row.runs.length).padStart(5), String(row.void).padStart(5)].join(' '));
	}
}

main().finally(() => fs.rmSync(dir, { recursive: true, force: true }));
