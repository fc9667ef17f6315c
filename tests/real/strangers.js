// strangers.js NAME - rt-bench against servers of others with the profiles that it ships: nothing is lost, and the report says of whom it speaks
'use strict';
const { assert, run, test } = require('./lib');
const { STRANGERS, bench, stop } = require('./stranger');

const [name] = process.argv.splice(2, 1);
const stranger = STRANGERS[name];

for (const transport of stranger.transports) {
	test(`${name} over ${transport}`, async (t) => {
		const server = await stranger.start(t.directory());
		t.after(() => stop(server));
		const { code, stderr, report } = await bench(['fanout', '-c', '50', '-r', '100/s', '-d', '3s', '--transport', transport,
			'--profile', stranger.profile, '--pid', String(server.child.pid), server.url]);
		assert.ok(code === 0 || code === 6, `status ${code}: ${stderr}`);
		const got = { ...report };
		for (const count of ['lost', 'undeclared', 'dup', 'reordered', 'phantom', 'corrupt', 'unrecognised', 'gaps', 'refused', 'broken', 'failed'])
			assert.equal(got[count], 0, `${count}: ${JSON.stringify({ example: got.example, errors: got.errors })}`);
		assert.deepEqual(got.errors, []);
		assert.equal(got.sent, 300);
		assert.equal(got.expected, 300 * 50);
		assert.equal(got.received, got.expected);
		if (stranger.profile !== 'raw')
			assert.equal(got.acked, 300);
		assert.equal(got.profile, stranger.profile);
		assert.equal(got.transport, transport);
		assert.ok(got.latency_ns.p50 < 1e9, `median of ${got.latency_ns.p50} ns`);
		assert.ok(got.server_cpu_s > 0);
	});
}

run();
