// fanout.js - the server that everybody writes first with npm's ws: whoever is at a path gets what another publishes at it
//
// Prints the port of its choice.
'use strict';
const { WebSocketServer } = require('ws');

const rooms = new Map();
const server = new WebSocketServer({ host: '127.0.0.1', port: 0, backlog: 4096 }, () => console.log(server.address().port));

server.on('connection', (ws, req) => {
	const room = rooms.get(req.url) || new Set();
	rooms.set(req.url, room.add(ws));
	ws.on('message', (data, binary) => {
		for (const other of room) {
			if (other !== ws)
				other.send(data, { binary });
		}
	});
	ws.on('close', () => room.delete(ws));
	ws.on('error', () => {});
});
