# SPDX-License-Identifier: Apache-2.0
"""HTTPS clients that keep idle connections: tlsclient.py SOURCE ADDRESS PORT CLIENTS ROUNDS

A round is a request, waiting until the server closes, and a close_notify in answer.
"""

import socket
import ssl
import sys
import threading
import time

FAILED = []


def one_round(context, source, address, port):
    with socket.create_connection((address, port), timeout=10, source_address=(source, 0)) as plain:
        conn = context.wrap_socket(plain)
        conn.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\n\r\n")
        if b" 200 " not in conn.recv(4096):
            raise OSError("no answer")
        while conn.recv(4096):
            pass                    # until the server's close_notify
        time.sleep(0.02)            # its own close() comes first, where it does not wait for ours
        try:
            plain = conn.unwrap()   # ours: read, left unread, or answered by a RST
            plain.recv(1)           # the server closes first
        except (OSError, ValueError):
            pass


def rounds(count, *args):
    try:
        for _ in range(count):
            one_round(*args)
    except OSError as error:
        FAILED.append(error)


def main():
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    source, address, port, clients, count = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:6])
    threads = [threading.Thread(target=rounds, args=(count, context, source, address, port)) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.exit(f"tlsclient: {FAILED[0]}" if FAILED else 0)


main()
