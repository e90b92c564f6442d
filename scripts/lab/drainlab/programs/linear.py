# SPDX-License-Identifier: Apache-2.0
"""Turns scatter-gather off: what leaves these interfaces is in one piece. linear.py INTERFACE..."""

import array
import fcntl
import socket
import struct
import sys

SIOCETHTOOL, ETHTOOL_SSG = 0x8946, 0x19     # <linux/sockios.h>, <linux/ethtool.h>


def main():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for name in sys.argv[1:]:
            value = array.array("B", struct.pack("II", ETHTOOL_SSG, 0))
            fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP", name.encode(), value.buffer_info()[0]))


main()
