# SPDX-License-Identifier: Apache-2.0
"""The service outside that resets every connection a moment after the first bytes: resetter.py ADDRESS PORT"""

import asyncio
import socket
import struct
import sys


async def handle(reader, writer):
    try:
        await reader.read(100)
        await asyncio.sleep(0.3)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except OSError:
        pass
    writer.close()


async def main():
    server = await asyncio.start_server(handle, sys.argv[1], int(sys.argv[2]))
    await server.serve_forever()


asyncio.run(main())
