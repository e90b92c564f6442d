# SPDX-License-Identifier: Apache-2.0
"""The second container of every pod: keeps talking to a service outside that resets its connections.

    sidecar.py ADDRESS PORT LINGER

After SIGTERM it stays for LINGER seconds, as a log shipper does, and keeps the sandbox alive by that.
"""

import signal
import socket
import sys
import time


def talk(address, port):
    with socket.create_connection((address, port), timeout=2) as conn:
        conn.sendall(b"select 1;\n")
        conn.recv(100)  # ends in ECONNRESET


def main():
    address, port, linger = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGTERM, lambda *_: signal.setitimer(signal.ITIMER_REAL, max(linger, 0.001)))
    while True:
        try:
            talk(address, port)
        except OSError:
            pass
        time.sleep(0.5)


main()
