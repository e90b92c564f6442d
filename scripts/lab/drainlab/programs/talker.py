# SPDX-License-Identifier: Apache-2.0
"""A service that is rough with its clients: talker.py ADDRESS PORT [TURN...]

By turns it resets a connection after its first bytes ("reset"), talks on without being asked until the
client is gone ("talk"), or closes after half an answer ("half"): all three, unless it is told which.
"""

import asyncio
import itertools
import socket
import struct
import sys

TURNS = itertools.cycle(sys.argv[3:] or ("reset", "talk", "half"))


async def handle(reader, writer):
    turn = next(TURNS)
    try:
        await reader.read(100)
        await asyncio.sleep(0.2)
        if turn == "reset":
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif turn == "half":
            writer.write(b"200 half of an ans")
            await writer.drain()
        while turn == "talk":
            writer.write(b"news\n" * 20)
            await writer.drain()
            await asyncio.sleep(0.05)
    except OSError:
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(handle, sys.argv[1], int(sys.argv[2]))
    await server.serve_forever()


asyncio.run(main())
