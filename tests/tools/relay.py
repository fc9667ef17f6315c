#!/usr/bin/env python3
"""relay.py PORT BYTES TIMES - carries connections to a port of this machine, and cuts them

Whenever it has carried that many bytes to its clients it resets all connections, so many times. Prints {"port":N}."""
import asyncio
import json
import socket
import struct
import sys

PORT, BYTES, TIMES = (int(one) for one in sys.argv[1:])
RESET = struct.pack("ii", 1, 0)
open_ones = set()
carried = times = 0


def cut():
    global carried, times
    carried, times = 0, times + 1
    for w in list(open_ones):
        w.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        w.transport.abort()


async def carry(reader, writer, counts):
    global carried
    try:
        while data := await reader.read(65536):
            writer.write(data)
            carried += len(data) if counts else 0
            if carried >= BYTES and times < TIMES:
                cut()
            await writer.drain()
    except (ConnectionError, asyncio.CancelledError):
        pass
    writer.close()


async def serve(reader, writer):
    try:
        there, back = await asyncio.open_connection("127.0.0.1", PORT)
    except ConnectionError:
        writer.close()
        return
    open_ones.update((writer, back))
    await asyncio.gather(carry(reader, back, False), carry(there, writer, True))
    open_ones.difference_update((writer, back))


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
