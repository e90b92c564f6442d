# SPDX-License-Identifier: Apache-2.0
"""A Job that tells its metrics while it works: job.py SECONDS PORT. It listens, and ends by itself."""

import socket
import sys
import time

with socket.create_server(("", int(sys.argv[2]))):
    time.sleep(float(sys.argv[1]))
