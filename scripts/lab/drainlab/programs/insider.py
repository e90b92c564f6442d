# SPDX-License-Identifier: Apache-2.0
"""A client in another pod of the cluster that retries for ever, also against addresses long dead.

    insider.py [PAUSE]

Standard input: `add ADDRESS PORT`. Ends with its input.
"""

import asyncio
import sys

PAUSE = float(sys.argv[1]) if len(sys.argv) > 1 else 0.5
TIMEOUT = 2.0


async def call(address, port):
    reader, writer = await asyncio.open_connection(address, port)
    try:
        writer.write(b"GET /inside HTTP/1.1\r\nHost: inside\r\nConnection: close\r\n\r\n")
        await reader.read()
    finally:
        writer.close()


async def retry(address, port):
    while True:
        try:
            await asyncio.wait_for(call(address, port), TIMEOUT)
        except (OSError, asyncio.TimeoutError):
            pass
        await asyncio.sleep(PAUSE)


async def main():
    loop, stdin, tasks = asyncio.get_running_loop(), asyncio.StreamReader(), []
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    while line := (await stdin.readline()).decode():
        _, address, port = line.split()
        tasks.append(asyncio.create_task(retry(address, int(port))))


asyncio.run(main())
