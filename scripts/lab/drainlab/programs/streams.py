# SPDX-License-Identifier: Apache-2.0
"""Clients of connections that stay: streams.py SOURCE ADDRESS PORT COUNT

Opens COUNT connections that become WebSockets and COUNT that speak HTTP/2 from the start, sends one
message on each, for whose answer it waits as long as the connection lives.
"""

import socket
import sys
import threading

UPGRADE = (b"GET /stream HTTP/1.1\r\nHost: stream\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
MESSAGE = b"\x81\x85\0\0\0\0hello"     # one masked text frame
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"    # and empty SETTINGS
HEADERS = b"\0\0\1\1\5\0\0\0\1\x82"     # stream 1, :method GET


def stay(source, address, port, first, second):
    with socket.create_connection((address, port), source_address=(source, 0)) as conn:
        conn.sendall(first)
        conn.recv(4096)
        conn.sendall(second)
        try:
            while conn.recv(4096):
                pass
        except OSError:
            pass


def main():
    source, address, port, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    threads = [threading.Thread(target=stay, args=(source, address, port, *kind))
               for kind in ((UPGRADE, MESSAGE), (PREFACE, HEADERS)) for _ in range(count)]
    for thread in threads:
        thread.start()


main()
