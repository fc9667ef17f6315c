// features.js [N] - a feed of N (1,707) GeoJSON features of invented earthquakes, one a line, the same at every run
//
// Numbers in every spelling that JSON allows, text beyond ASCII both raw and escaped, nested objects, nulls, members that resemble the server's own.
'use strict';

const places = ['Lima, Montana', 'Sangiang, Indonesia', 'Bah\u00eda de K\u00edno, M\u00e9xico', '\u897f\u4e4b\u8868\u5e02\u3001\u65e5\u672c', 'Petropavlovsk-Kamchatsky', '\u039a\u03ac\u03bb\u03c5\u03bc\u03bd\u03bf\u03c2, \u0395\u03bb\u03bb\u03ac\u03b4\u03b1',
	'Adak, "Alaska" \\ west', 'Illapel\u2028Chile', '\\u00cele de la R\\u00e9union', 'Zagreb \u{1F30B}', '\\ud83c\\udf0a off the coast', 'Amboy/Washington'];

function features(n = 1707) {
	let seed = 20180131;
	const random = (below) => {
		seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
		return (seed >>> 8) % below;
	};
	const fixed = (below, digits) => (random(below * 1000) / 1000).toFixed(digits);
	const out = [];
	for (let i = 0; i < n; i++) {
		const place = places[random(places.length)].replace(/"/g, '\\"').replace(/\\ west/, '\\\\ west');
		const mag = [fixed(9, 1), fixed(9, 2), `${1 + random(8)}e0`, `${random(90)}E-1`, '-0.0', '1.0'][random(6)];
		const felt = random(4) ? 'null' : String(random(5000));
		const types = [',geoserve,origin,phase-data,', ',origin,', ''][random(3)];
		const code = `${60000000 + i * 7}`, time = 1517363399650 + i * 37;
		const space = random(10) === 0 ? ' ' : '';
		const detail = random(50) === 0 ? `,"note":"${'x\u00e9\u2192'.repeat(random(3000))}"` : '';
		const own = random(9) === 0 ? `,"_PID":${i},"nested":{"_id":"x","_room":[{"_op":{}}]}` : '';
		out.push(`{"type":"Feature",${space}"properties":{${space}"mag":${mag},"place":"${random(90)}km NNE of ${place}","time":${time},` +
			`"updated":${time + random(1e6)},"tz":${random(2) ? -480 : 540},"url":"https:\\/\\/example.org\\/event\\/${code}","felt":${felt},` +
			`"tsunami":${random(2)},"sig":${random(1000)},"types":"${types}","rms":${fixed(2, 3)},"gap":${fixed(360, 0)}${detail}},` +
			`"geometry":{"type":"Point","coordinates":[-${fixed(180, 7)},${fixed(90, 4)},${random(3) ? fixed(600, 2) : '-1.18e+1'}]},` +
			`"id":"uw${code}","big":${code}${code}${code}${own}}`);
	}
	return out;
}

module.exports = { features };
if (require.main === module)
	process.stdout.write(`${features(Number(process.argv[2] || 1707)).join('\n')}\n`);
