#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A scripted TCP peer for kernel_smoke: kernel_peer.py ACTION...

listen:ADDR:PORT[:BACKLOG] (several: SO_REUSEPORT)  accept  connect:ADDR:PORT[:SOURCE]  send  recv
linger0  close  closel  sleep:SECONDS  echo  pause  lazy (acknowledge late)  done:FILE (make it)  await:FILE (until
it is there)  serve (accept, wait for the peer's end, close, for ever)  repeat:COUNT:ADDR:PORT (connect,
close)  scatter:PREFIX:FIRST:LAST:PORT (one SYN to each of these addresses)  unread:COUNT (close a Unix socket with
200 unread packets, so often); ADDR in brackets for IPv6. Errors of the network are printed and are no failure: they are what is
tested."""
import os
import re
import signal
import socket
import struct
import sys
import time


def ends(text):
    match = re.fullmatch(r"(\[[^]]*\]|[^:]*)((?::.*)?)", text)
    address = match.group(1).strip("[]")
    return (socket.AF_INET6 if ":" in address else socket.AF_INET, address,
            match.group(2).lstrip(":").split(":"))


def main():
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    listeners, peer = [], None
    for action in sys.argv[1:]:
        name, _, rest = action.partition(":")
        try:
            if name == "listen":
                family, address, more = ends(rest)
                sock = socket.socket(family)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                sock.bind((address, int(more[0])))
                sock.listen(int(more[1]) if len(more) > 1 else 16)
                listeners.append(sock)
            elif name == "accept":
                peer, _ = listeners[-1].accept()
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            elif name == "connect":
                family, address, more = ends(rest)
                peer = socket.socket(family)
                peer.settimeout(5)
                if len(more) > 1:
                    peer.bind((more[1], 0))
                peer.connect((address, int(more[0])))
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            elif name == "send":
                peer.send(b"0123456789")
            elif name == "recv":
                peer.recv(4096)
            elif name == "linger0":
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif name == "close":
                peer.close()
            elif name == "closel":
                listeners.pop().close()
            elif name == "sleep":
                time.sleep(float(rest))
            elif name == "lazy":
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            elif name == "done":
                with open(rest, "w", encoding="ascii"):
                    pass
            elif name == "await":
                while not os.path.exists(rest):
                    time.sleep(0.01)
            elif name == "serve":
                while True:
                    peer, _ = listeners[-1].accept()
                    peer.recv(1)
                    peer.close()
            elif name == "scatter":
                prefix, first, last, port = rest.split(":")
                for host in range(int(first), int(last) + 1):
                    with socket.socket() as one:
                        one.setblocking(False)
                        one.connect_ex((f"{prefix}{host}", int(port)))
                    time.sleep(0.01)    # the next one's timers belong to another tick of the kernel
            elif name == "unread":
                for _ in range(int(rest)):
                    one, other = socket.socketpair()
                    for _ in range(200):
                        one.send(b"x")
                    other.close()
                    one.close()
            elif name == "repeat":
                count, _, where = rest.partition(":")
                family, address, more = ends(where)
                for _ in range(int(count)):
                    peer = socket.socket(family)
                    peer.connect((address, int(more[0])))
                    peer.shutdown(socket.SHUT_WR)
                    peer.recv(1)
                    peer.close()
            elif name == "echo":
                while True:
                    peer, _ = listeners[-1].accept()
                    data = peer.recv(4096)
                    while data:
                        peer.send(data)
                        data = peer.recv(4096)
                    peer.close()
            elif name == "pause":
                signal.pause()
            else:
                sys.exit(f"kernel_peer: what is {action}")
        except OSError as error:
            print(f"   {action}: {error}")


main()
