# SPDX-License-Identifier: Apache-2.0
"""The clients behind the load balancer: an open loop that logs the outcome of every request.

    client.py ADDRESS PORT RATE MAX_REQUESTS MAX_SECONDS RUN LOG

Every request has a connection and an id of its own. Standard input: `burst COUNT PATH` sends that
many at once beside the loop, `stop` (or its end) ends the loop; then what is under way is awaited.
Ends by itself after MAX_REQUESTS or MAX_SECONDS.
"""

import asyncio
import itertools
import json
import sys
import time

TIMEOUT = 40.0


async def fetch(address, port, path, ident):
    """One request. Returns (status, error, body bytes, name of the pod that answered)."""
    reader, writer = await asyncio.open_connection(address, port)
    status, body = None, b""
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: shop\r\nX-Request-Id: {ident}\r\n"
                     "Connection: close\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split()[1])
        length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                       if line.startswith(b"content-length:")), None)
        body = await reader.read() if length is None else await reader.readexactly(length)
        return status, None, body
    except asyncio.IncompleteReadError as error:
        return status, "cut" if status else "closed", error.partial
    finally:
        writer.close()


class Clients:
    def __init__(self, address, port, prefix, log):
        self.address, self.port, self.prefix, self.log = address, port, prefix, log
        self.numbers = itertools.count(1)
        self.under_way = set()

    def start(self, path):
        task = asyncio.create_task(self.one(path, f"{self.prefix}-{next(self.numbers)}"))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def one(self, path, ident):
        start, status, error, body = time.time_ns(), None, None, b""
        try:
            status, error, body = await asyncio.wait_for(
                fetch(self.address, self.port, path, ident), TIMEOUT)
        except asyncio.TimeoutError:
            error = "timeout"
        except OSError as problem:
            error = problem.strerror or str(problem)
        end = time.time_ns()
        good = status == 200 and not error
        self.log.write(json.dumps({
            "id": ident, "path": path, "start": start, "end": end,
            "duration_ms": round((end - start) / 1e6, 1), "ok": good, "status": status,
            "error": error, "pod": body.decode(errors="replace").strip() if good else None}) + "\n")
        self.log.flush()


async def commands(clients, stop):
    stdin, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    while line := (await stdin.readline()).decode():
        words = line.split()
        if words[0] == "stop":
            break
        for _ in range(int(words[1])):
            clients.start(words[2])
    stop.set()


async def main():
    address, port, rate, most, seconds, prefix, path = sys.argv[1:8]
    stop = asyncio.Event()
    with open(path, "a", encoding="utf-8") as log:
        clients = Clients(address, int(port), prefix, log)
        reader = asyncio.create_task(commands(clients, stop))
        begin = time.monotonic()
        for number in range(int(most)):
            due = begin + number / float(rate)
            if due > begin + float(seconds):
                break
            try:
                await asyncio.wait_for(stop.wait(), max(0.0, due - time.monotonic()))
                break
            except asyncio.TimeoutError:
                clients.start("/")
        while clients.under_way:
            await asyncio.wait(set(clients.under_way))
        reader.cancel()


asyncio.run(main())
