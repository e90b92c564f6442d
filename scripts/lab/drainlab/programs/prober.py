# SPDX-License-Identifier: Apache-2.0
"""The kubelet's probes, from the node's own address: prober.py SOURCE PERIOD

Standard input: `add NAME ADDRESS PORT`, `terminating NAME` (liveness stops, readiness goes on),
`del NAME`. Standard output: `NAME ok` and `NAME fail` whenever readiness changes. Ends with its input.
"""

import asyncio
import sys

PERIOD = float(sys.argv[2])
QUICK, TIMEOUT = 0.05, 1.0


async def probe(source, address, port, path):
    """One HTTP GET as the kubelet sends it: a new connection, closed afterwards."""
    try:
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(address, port, local_addr=(source, 0)), TIMEOUT)
    except (OSError, asyncio.TimeoutError):
        return False
    try:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: probe\r\nUser-Agent: kube-probe/1.36\r\n"
                     "Connection: close\r\n\r\n".encode())
        line = await asyncio.wait_for(reader.readline(), TIMEOUT)
        await asyncio.wait_for(reader.read(), TIMEOUT)
        return b" 200 " in line
    except (OSError, asyncio.TimeoutError):
        return False
    finally:
        writer.close()


async def readiness(source, name, address, port):
    last = None
    while True:
        good = await probe(source, address, port, "/ready")
        if good != last:
            print(name, "ok" if good else "fail", flush=True)
            last = good
        await asyncio.sleep(PERIOD if good else (QUICK if last is None else PERIOD / 5))


async def liveness(source, address, port):
    while True:
        await asyncio.sleep(PERIOD)
        await probe(source, address, port, "/live")


async def main():
    source, loop = sys.argv[1], asyncio.get_running_loop()
    stdin = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    tasks = {}
    while line := (await stdin.readline()).decode():
        words = line.split()
        if words[0] == "add":
            _, name, address, port = words
            tasks[name] = [asyncio.create_task(readiness(source, name, address, int(port))),
                           asyncio.create_task(liveness(source, address, int(port)))]
        elif words[0] == "terminating":
            for task in tasks.get(words[1], [])[1:]:
                task.cancel()
        else:
            for task in tasks.pop(words[1], []):
                task.cancel()


asyncio.run(main())
