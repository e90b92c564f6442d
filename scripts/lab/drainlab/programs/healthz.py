# SPDX-License-Identifier: Apache-2.0
"""kube-proxy's health check server: healthz.py ADDRESS PORT. Answers 200 to whoever asks."""

import asyncio
import sys


async def answer(reader, writer):
    try:
        if await reader.readline():
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(answer, sys.argv[1], int(sys.argv[2]))
    print("ready", flush=True)
    await server.serve_forever()


asyncio.run(main())
