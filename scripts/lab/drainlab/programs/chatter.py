# SPDX-License-Identifier: Apache-2.0
"""A container that keeps many outbound connections busy until SIGKILL: chatter.py ADDRESS PORT

Some read what they get, some never do, so that data lies unread when the end comes; all ask again
and again, so that answers are outstanding. It has no handler for SIGTERM but ends with it in time:
half of the connections are dropped then with what is in them.
"""

import signal
import socket
import sys
import threading
import time

CONNECTIONS = 12


def talk(address, port, reads):
    while True:
        try:
            with socket.create_connection((address, port), timeout=2) as conn:
                for _ in range(20):
                    conn.sendall(b"get key\n")
                    if reads and not conn.recv(4096):
                        break
                    time.sleep(0.1)
        except OSError:
            pass
        time.sleep(0.05)


def main():
    address, port = sys.argv[1], int(sys.argv[2])
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(0))
    signal.signal(signal.SIGTERM, lambda *_: signal.setitimer(signal.ITIMER_REAL, 1.0))
    for number in range(CONNECTIONS):
        threading.Thread(target=talk, args=(address, port, number % 2 == 0), daemon=True).start()
    while True:
        time.sleep(1)


main()
