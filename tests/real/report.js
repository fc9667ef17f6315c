// report.js - the page of rt-bench --html in Chromium: nothing fetched, nothing complained of, no wider than the screen, read without its script
//
// Screenshots are written to build/real.
'use strict';
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { pathToFileURL } = require('node:url');
const { chromium } = require('playwright-core');
const { assert, bin, execute, run, test } = require('./lib');

const top = path.resolve(__dirname, '../..');
const shots = path.join(top, 'build/real');
const flags = ['--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
if (process.getuid() === 0)
	flags.push('--no-sandbox');

/* A short run's page. */
async function report(t, ...options) {
	const s = await t.serve();
	const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rt-report-'));
	t.after(() => fs.rmSync(dir, { recursive: true }));
	const file = path.join(dir, 'report.html');
	const done = await execute(path.join(bin, 'rt-bench'), ['fanout', '-c', '20', '-r', '100/s', '-d', '2s', '--html', file, ...options, s.ws]);
	assert.ok(fs.existsSync(file), done.stderr);
	return pathToFileURL(file).href;
}

async function browse(t, url, settings) {
	const browser = await chromium.launch({ executablePath: process.env.RT_CHROMIUM || '/usr/bin/chromium', args: flags, timeout: 30000 });
	t.after(() => browser.close());
	const page = await browser.newPage(settings);
	page.complaints = [];
	page.on('console', (m) => page.complaints.push(m.text()));
	page.on('pageerror', (e) => page.complaints.push(`uncaught ${e}`));
	page.on('request', (r) => { if (r.url() !== url) page.complaints.push(`asked for ${r.url()}`); });
	await page.goto(url);
	return page;
}

for (const [width, colorScheme] of [[1280, 'light'], [400, 'dark']]) {
	test(`${width} wide, ${colorScheme}: it stands alone and fits`, async (t) => {
		const page = await browse(t, await report(t), { viewport: { width, height: 800 }, colorScheme });
		assert.match(await page.title(), /^rt-bench: /);
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'wider than the screen');
		assert.ok(await page.locator('svg[role=img]').count() >= 5);
		const dark = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
		assert.equal(dark === 'rgb(255, 255, 255)', colorScheme === 'light');
		fs.mkdirSync(shots, { recursive: true });
		await page.screenshot({ path: path.join(shots, `report-${width}-${colorScheme}.png`), fullPage: true });
		assert.deepEqual(page.complaints, []);
	});
}

test('the pointer shows values, and takes them away', async (t) => {
	const page = await browse(t, await report(t), { viewport: { width: 1280, height: 800 } });
	const plot = page.locator('.plot').first(), legend = page.locator('figure').first().locator('.legend b').first();
	assert.equal(await legend.textContent(), '');
	await plot.hover();
	assert.match(await legend.textContent(), /^[\d.,]+ (ns|\u00b5s|ms|s)$/);
	await page.mouse.move(1, 1);
	assert.equal(await legend.textContent(), '');
	assert.deepEqual(page.complaints, []);
});

test('without script nothing is missing', async (t) => {
	const page = await browse(t, await report(t), { javaScriptEnabled: false });
	assert.match(await page.locator('h1').textContent(), /\S/);
	assert.ok(await page.locator('figure').count() >= 5);
});

run();
