# SPDX-License-Identifier: Apache-2.0
"""A load balancer's health checks: checker.py LOG INTERVAL STYLE SOURCE...

Every source checks every target each INTERVAL seconds, on a schedule of its own that no slow check
moves. STYLE: rst and fin connect and end at once, http asks for / and reads the answer. Standard
input: `add NAME ADDRESS PORT`, `del NAME`. Writes one JSON line a check to LOG. Ends with its input.
"""

import asyncio
import json
import os
import random
import socket
import struct
import sys
import time

TIMEOUT = 10.0


async def check(conn, address, port, style):
    loop = asyncio.get_running_loop()
    await asyncio.wait_for(loop.sock_connect(conn, (address, port)), TIMEOUT)
    if style == "http":
        await loop.sock_sendall(conn, b"GET / HTTP/1.1\r\nHost: check\r\nConnection: close\r\n\r\n")
        while await asyncio.wait_for(loop.sock_recv(conn, 4096), TIMEOUT):
            pass
    elif style == "rst":
        conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def one(log, source, name, address, port, style):
    conn = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    conn.setblocking(False)
    at, result = time.time_ns(), "ok"
    try:
        conn.bind((source, 0))
        own_port = conn.getsockname()[1]
        await check(conn, address, port, style)
    except asyncio.TimeoutError:
        result = "timeout"
    except ConnectionRefusedError:
        result = "refused"
    except OSError as error:
        result = os.strerror(error.errno)
    finally:
        conn.close()
    log.write(json.dumps({"at": at, "source": source, "source_port": own_port, "name": name,
                          "result": result}) + "\n")
    log.flush()


async def keep_checking(log, source, name, address, port, interval, style):
    loop = asyncio.get_running_loop()
    due = loop.time() + random.uniform(0, interval)
    under_way = set()
    while True:
        await asyncio.sleep(max(0.0, due - loop.time()))
        task = asyncio.create_task(one(log, source, name, address, port, style))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        due += interval


async def main():
    path, interval, style, *sources = sys.argv[1:]
    stdin, tasks = asyncio.StreamReader(), {}
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    with open(path, "a", encoding="utf-8") as log:
        while line := (await stdin.readline()).decode():
            words = line.split()
            if words[0] == "add":
                _, name, address, port = words
                tasks[name] = [asyncio.create_task(keep_checking(
                    log, source, name, address, int(port), float(interval), style)) for source in sources]
            else:
                for task in tasks.pop(words[1], []):
                    task.cancel()


asyncio.run(main())
