# SPDX-License-Identifier: Apache-2.0
"""A load balancer that HAProxy is too good to be: it sends requests on connections whose FIN it has.

    tinylb.py ADDRESS PORT POOL

One request a client connection, round robin, at most POOL kept connections for each server, no retry.
Standard input: `add NAME ADDRESS PORT`, `drain NAME`, `warm NAME COUNT` (so many connections at once, a
request on each, all of them kept), `reset NAME` (close whatever is open to it with
SO_LINGER 0: its requests end as `KH--`); each is answered by `done`. Log lines on
standard error have the keys of HAProxy's log here, and `reused` and `fin_seen` besides.
"""

import json
import re
import select
import socket
import struct
import sys
import threading
import time

CONNECT_TIMEOUT, SERVER_TIMEOUT, POLL = 10.0, 20.0, 0.05


class Server:
    def __init__(self, name, address, port):
        self.name, self.address, self.port = name, address, port
        self.pool = []
        self.reset = False


class Failure(Exception):
    def __init__(self, term, status):
        super().__init__(term)
        self.term, self.status = term, status


class Balancer:
    def __init__(self, pool):
        self.lock = threading.Lock()
        self.pool = pool
        self.servers = []
        self.known = {}
        self.turn = 0

    def choose(self):
        """The next server and a connection to it: a kept one, the longest idle first, or None."""
        with self.lock:
            if not self.servers:
                return None, None
            self.turn += 1
            server = self.servers[self.turn % len(self.servers)]
            return server, server.pool.pop(0) if server.pool else None

    def keep(self, server, conn):
        with self.lock:
            if len(server.pool) < self.pool and not server.reset:
                server.pool.append(conn)
                return
        conn.close()

    def warm(self, server, count):
        """Opens connections of its own accord and keeps them: none of those that it has is taken."""
        conns = [connect(server, {}) for _ in range(count)]
        for conn in conns:
            conn.sendall(b"GET / HTTP/1.1\r\nHost: warm\r\n\r\n")
        for conn in conns:
            read_answer(server, conn)
            self.keep(server, conn)

    def command(self, line):
        words = line.split()
        if words[0] == "warm":
            with self.lock:
                server = self.known[words[1]]
            self.warm(server, int(words[2]))
            print("done", flush=True)
            return
        with self.lock:
            if words[0] == "add":
                self.servers.append(Server(words[1], words[2], int(words[3])))
                self.known[words[1]] = self.servers[-1]
            elif words[0] == "drain":
                self.servers = [s for s in self.servers if s.name != words[1]]
            else:
                server = self.known[words[1]]
                server.reset = True     # those that are busy see it within POLL
                while server.pool:
                    abort(server.pool.pop())
        print("done", flush=True)


def ms(seconds):
    return int(seconds * 1000)


def has_fin(conn):
    """The server closed this connection, and its FIN is here."""
    conn.setblocking(False)
    try:
        return conn.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        conn.settimeout(SERVER_TIMEOUT)


def abort(conn):
    """Ends the connection by RST."""
    conn.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    conn.close()


def read_answer(server, conn):
    answer, began = b"", time.time()
    while True:
        while not select.select([conn], [], [], POLL)[0]:
            if server.reset:
                abort(conn)
                raise Failure("KH--", 502)
            if time.time() > SERVER_TIMEOUT + began:
                raise Failure("sH--", 504)
        try:
            got = conn.recv(65536)
        except TimeoutError:
            raise Failure("sH--", 504) from None
        except OSError:
            got = b""
        if not got:
            raise Failure("SD--" if answer else "SH--", 200 if answer else 502)
        answer += got
        head, found, body = answer.partition(b"\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)", head.lower())
        if found and length and len(body) >= int(length.group(1)):
            return answer


def connect(server, entry):
    family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
    conn = socket.socket(family, socket.SOCK_STREAM)
    try:
        conn.settimeout(CONNECT_TIMEOUT)
        conn.bind(("", 0))  # so that the port is known also when the connection is refused
        entry["source_port"] = conn.getsockname()[1]
        conn.connect((server.address, server.port))
        return conn
    except OSError as error:
        conn.close()
        raise Failure("sC--" if isinstance(error, TimeoutError) else "SC--", 503) from None


def forward(server, conn, request, entry):
    """Sends the request, on a kept connection or a new one. Returns the answer and the connection."""
    begin = time.time()
    entry["reused"] = conn is not None
    conn = conn or connect(server, entry)
    entry["Tc"] = ms(time.time() - begin)
    entry["source"], entry["source_port"] = conn.getsockname()[:2]
    entry["fin_seen"] = has_fin(conn)
    sent = time.time()
    try:
        conn.sendall(request)
        answer = read_answer(server, conn)
    except Failure:
        conn.close()
        raise
    except OSError:
        conn.close()
        raise Failure("SH--", 502) from None
    entry["Tr"] = ms(time.time() - sent)
    return answer, conn


def handle(balancer, client, log_lock):
    accepted = time.time()
    request = b""
    while b"\r\n\r\n" not in request:
        got = client.recv(65536)
        if not got:
            return
        request += got
    ident = re.search(rb"\r\nX-Request-Id: *(\S+)", request)
    server, conn = balancer.choose()
    entry = {"id": ident.group(1).decode() if ident else "", "accept": f"{accepted:.3f}",
             "server": server.name if server else "<NOSRV>", "source": "-", "source_port": "-",
             "address": server.address if server else "-", "port": str(server.port) if server else "-",
             "term": "----", "status": 200, "Tq": ms(time.time() - accepted), "Tw": 0, "Tc": -1, "Tr": -1}
    request = re.sub(rb"\r\nConnection: close", b"", request)
    try:
        if server is None:
            raise Failure("SC--", 503)
        answer, conn = forward(server, conn, request, entry)
        client.sendall(answer)
        balancer.keep(server, conn)
    except Failure as failure:
        entry["term"], entry["status"] = failure.term, failure.status
        client.sendall(b"HTTP/1.1 %d Failed\r\nContent-Length: 0\r\nConnection: close\r\n\r\n" % failure.status)
    entry["Ta"] = ms(time.time() - accepted)
    entry["source_port"] = str(entry["source_port"])
    with log_lock:
        sys.stderr.write(json.dumps(entry) + "\n")
        sys.stderr.flush()


def guarded(balancer, client, log_lock):
    with client:
        try:
            handle(balancer, client, log_lock)
        except OSError:
            pass


def main():
    balancer, log_lock = Balancer(int(sys.argv[3])), threading.Lock()
    family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
    listener = socket.create_server((sys.argv[1], int(sys.argv[2])), family=family, backlog=511)

    def accept():
        while True:
            client, _ = listener.accept()
            threading.Thread(target=guarded, args=(balancer, client, log_lock), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    for line in sys.stdin:
        balancer.command(line)


main()
