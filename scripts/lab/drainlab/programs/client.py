# SPDX-License-Identifier: Apache-2.0
"""The clients behind the load balancer: an open loop that logs the outcome of every request.

    client.py ADDRESS PORT RATE MAX_REQUESTS MAX_SECONDS RUN LOG KEPT

Logs also from which address and port it sent, and when it was connected: behind a balancer that keeps no log
that is all there is to tell where a request went.

Every request has an id of its own, and a connection; with KEPT above 0 they go over so many connections in
turn, each of which is kept until the other end closes it. Standard input: `burst COUNT PATH` sends that
many at once beside the loop, `stop` (or its end) ends the loop; then what is under way is awaited.
Ends by itself after MAX_REQUESTS or MAX_SECONDS.
"""

import asyncio
import itertools
import json
import os
import socket
import sys
import time

TIMEOUT = 40.0
CONNECT_TIMEOUT = 10.0


async def connect(address, port, told):
    """A connection; says in `told` from where, and since when."""
    conn = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    conn.setblocking(False)
    try:
        conn.bind(("", 0))      # so that the port is known also of one that never comes about
        told["source_port"] = conn.getsockname()[1]
        await asyncio.wait_for(asyncio.get_running_loop().sock_connect(conn, (address, port)), CONNECT_TIMEOUT)
    except BaseException:
        conn.close()
        raise
    told["connected"], told["source"] = time.time_ns(), conn.getsockname()[0]
    return await asyncio.open_connection(sock=conn)


async def ask(reader, writer, path, ident, more=""):
    """One request on a connection. Returns (status, error, body bytes)."""
    status, body = None, b""
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: shop\r\nX-Request-Id: {ident}\r\n"
                     f"{more}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split()[1])
        length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                       if line.startswith(b"content-length:")), None)
        body = await reader.read() if length is None else await reader.readexactly(length)
        return status, None, body
    except asyncio.IncompleteReadError as error:
        return status, "cut" if status else "closed", error.partial


async def fetch(address, port, path, ident, told):
    """One request on a connection of its own."""
    reader, writer = await connect(address, port, told)
    try:
        return await ask(reader, writer, path, ident, "Connection: close\r\n")
    finally:
        writer.close()


class Kept:
    """A connection that is opened when it is needed, and kept."""

    def __init__(self, address, port):
        self.address, self.port = address, port
        self.lock = asyncio.Lock()
        self.streams, self.told = None, {}

    def close(self):
        self.streams[1].close()
        self.streams = None

    async def fetch(self, path, ident, told):
        async with self.lock:
            if self.streams and self.streams[0].at_eof():
                self.close()
            if not self.streams:
                self.streams = await connect(self.address, self.port, told)
                self.told = dict(told)
            told.update(self.told)
            try:
                status, error, body = await ask(*self.streams, path, ident)
            except BaseException:
                self.close()
                raise
            if error:
                self.close()
            return status, error, body


class Clients:
    def __init__(self, address, port, prefix, log, kept):
        self.address, self.port, self.prefix, self.log = address, port, prefix, log
        self.turns = itertools.cycle([Kept(address, port) for _ in range(kept)])
        self.kept = kept
        self.numbers = itertools.count(1)
        self.under_way = set()

    def start(self, path):
        task = asyncio.create_task(self.one(path, f"{self.prefix}-{next(self.numbers)}"))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def one(self, path, ident):
        start, status, error, body, told = time.time_ns(), None, None, b"", {"source_port": None}
        try:
            how = next(self.turns).fetch(path, ident, told) if self.kept else \
                fetch(self.address, self.port, path, ident, told)
            status, error, body = await asyncio.wait_for(how, TIMEOUT)
        except asyncio.TimeoutError:
            error = "timeout"
        except OSError as problem:
            error = os.strerror(problem.errno) if problem.errno else str(problem)
        end = time.time_ns()
        good = status == 200 and not error
        self.log.write(json.dumps({
            "id": ident, "path": path, "start": start, "end": end,
            "duration_ms": round((end - start) / 1e6, 1), "ok": good, "status": status,
            "error": error, **told, "pod": body.decode(errors="replace").strip() if good else None}) + "\n")
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
    address, port, rate, most, seconds, prefix, path, kept = sys.argv[1:9]
    stop = asyncio.Event()
    with open(path, "a", encoding="utf-8") as log:
        clients = Clients(address, int(port), prefix, log, int(kept))
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
