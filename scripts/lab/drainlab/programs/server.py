# SPDX-License-Identifier: Apache-2.0
"""A small HTTP server for what nginx does not do. Keeps connections alive, has no handler for SIGTERM.

    server.py holding|peeking|patient NAME

/slow?s=N is answered after N seconds. `holding` reads the request first; `peeking` looks at it and
leaves it in the receive queue until it answers. `patient` has a handler for SIGTERM and waits for its
connections to end; a WebSocket or HTTP/2 gets an answer to its beginning, then none. Port 8080
serves, port 8081 is for health checks.
"""

import re
import signal
import socket
import sys
import threading
import time

PORTS = (8080, 8081)


def stay(conn, hello):
    """A stream: what comes is read and never answered."""
    conn.sendall(hello)
    while conn.recv(65536):
        pass


def serve(conn, peeking, body):
    answer = (f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
              ).encode() + body
    with conn:
        while True:
            request = b""
            while b"\r\n\r\n" not in request:
                got = conn.recv(65536, socket.MSG_PEEK)
                if not got:
                    return
                slow = re.match(rb"GET /slow\?s=([0-9.]+) ", got)
                if slow and peeking:
                    time.sleep(float(slow.group(1)))
                request += conn.recv(65536)
                if request.startswith(b"PRI * HTTP/2.0"):
                    stay(conn, b"\0\0\0\4\0\0\0\0\0")
                    return
            if slow and not peeking:
                time.sleep(float(slow.group(1)))
            if request.startswith(b"GET /stream "):
                stay(conn, b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
                return
            conn.sendall(answer)
            if re.search(rb"\r\nconnection: *close", request.lower()):
                return


def guarded(conn, peeking, body):
    try:
        serve(conn, peeking, body)
    except OSError:
        pass


def accept(port, peeking, body):
    listener = socket.create_server(("::", port), family=socket.AF_INET6, backlog=511,
                                    dualstack_ipv6=True)
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=guarded, args=(conn, peeking, body), daemon=True).start()


def main():
    mode, name = sys.argv[1:3]
    body = f"{name}\n".encode()
    if mode == "patient":
        signal.signal(signal.SIGTERM, lambda *_: None)
    threads = [threading.Thread(target=accept, args=(port, mode == "peeking", body)) for port in PORTS]
    for thread in threads:
        thread.start()


main()
