# SPDX-License-Identifier: Apache-2.0
"""A balancer of connections that does not keep the client's address, as an NLB without preserve_client_ip.

    front.py ADDRESS PORT SOURCE HEADER LOG

One connection to a target for each of a client's, from SOURCE; with HEADER 1 it begins with a PROXY
protocol header, version 2. What a target refuses or resets is reset at the client. Standard input:
`add NAME ADDRESS PORT`, `drain NAME`, each answered by `done`; LOG has a JSON line a connection, written
at its end. Ends with its input.
"""

import asyncio
import ipaddress
import json
import socket
import struct
import sys
import time

TIMEOUT = 10.0
SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"


def proxy_header(client, front):
    """PROXY protocol version 2, command PROXY, TCP over the family of the addresses."""
    source, target = (ipaddress.ip_address(end[0]) for end in (client, front))
    body = source.packed + target.packed + struct.pack(">HH", client[1], front[1])
    family = 0x11 if source.version == 4 else 0x21
    return SIGNATURE + struct.pack(">BBH", 0x21, family, len(body)) + body


def reset_at_close(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def pass_on(reader, writer):
    """Copies until the end. True if it was no reset."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
        return True
    except OSError:
        return False


class Front:
    def __init__(self, source, header, log):
        self.source, self.header, self.log = source, header, log
        self.targets, self.turn = [], 0

    def command(self, words):
        if words[0] == "add":
            self.targets.append((words[1], words[2], int(words[3])))
        else:
            self.targets = [target for target in self.targets if target[0] != words[1]]

    async def connect(self, entry):
        """The connection to the target, or None; says in the entry why."""
        conn = socket.socket(socket.AF_INET6 if ":" in entry["address"] else socket.AF_INET)
        conn.setblocking(False)
        conn.bind((self.source, 0))
        entry["source_port"] = conn.getsockname()[1]
        try:
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(
                conn, (entry["address"], entry["port"])), TIMEOUT)
        except (OSError, asyncio.TimeoutError) as error:
            entry["result"] = "timeout" if isinstance(error, asyncio.TimeoutError) else "refused"
            conn.close()
            return None
        entry["connected"] = time.time_ns()
        return await asyncio.open_connection(sock=conn)

    async def serve(self, reader, writer):
        peer = writer.get_extra_info("peername")
        entry = {"client_port": peer[1], "start": time.time_ns(), "connected": None, "source_port": None,
                 "result": "no target"}
        streams = None
        if self.targets:
            self.turn += 1
            name, entry["address"], entry["port"] = self.targets[self.turn % len(self.targets)]
            entry["server"] = name
            streams = await self.connect(entry)
        if streams:
            entry["result"] = "connected"
            if self.header:
                streams[1].write(proxy_header(peer, writer.get_extra_info("sockname")))
            there = asyncio.create_task(pass_on(reader, streams[1]))
            if not await pass_on(streams[0], writer):
                reset_at_close(writer)
            there.cancel()
            streams[1].close()
        else:
            reset_at_close(writer)
        writer.close()
        entry["end"] = time.time_ns()
        if "address" in entry:
            self.log.write(json.dumps(entry) + "\n")
            self.log.flush()


async def main():
    address, port, source, header, path = sys.argv[1:]
    stdin = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stdin), sys.stdin)
    with open(path, "a", encoding="utf-8") as log:
        front = Front(source, header == "1", log)
        server = await asyncio.start_server(front.serve, address, int(port), backlog=512)
        async with server:
            while line := (await stdin.readline()).decode():
                front.command(line.split())
                print("done", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
