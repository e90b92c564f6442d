# SPDX-License-Identifier: Apache-2.0
"""A sidecar proxy as a service mesh has it: mesh.py PORT APPLICATION_PORT LINGER LOOPBACK ADDRESS

Serves on PORT, asks the application, by turns over loopback and over the pod's own address, and
answers 503 itself where that fails. Ends LINGER seconds after SIGTERM.
"""

import asyncio
import itertools
import re
import signal
import sys

NO_APPLICATION = b"HTTP/1.1 503 Service Unavailable\r\nServer: mesh\r\nContent-Length: 0\r\n\r\n"


async def ask(address, port, request):
    """The application's whole answer."""
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head.lower())
        return head + await reader.readexactly(int(length.group(1)))
    finally:
        writer.close()


async def serve(reader, writer, addresses, port):
    try:
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            try:
                answer = await ask(next(addresses), port, request)
            except (OSError, asyncio.IncompleteReadError):
                answer = NO_APPLICATION
            writer.write(answer)
            await writer.drain()
            if b"\r\nconnection: close" in request.lower():
                break
    except (OSError, asyncio.IncompleteReadError):
        pass
    writer.close()


async def main():
    port, application, linger = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    addresses, ended = itertools.cycle(sys.argv[4:]), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, loop.call_later, linger, ended.set)
    await asyncio.start_server(lambda r, w: serve(r, w, addresses, application), None, port)
    print("ready", flush=True)
    await ended.wait()


asyncio.run(main())
