# SPDX-License-Identifier: Apache-2.0
"""An HTTPS server that closes idle connections: tlsserver.py FOLDER PORT VERSION MODE

It answers one request, says close_notify a moment later, and then
    read     reads the client's close_notify before it closes: FIN, the alert being the last that came
    unread   closes when the client's has come, without having read it: RST
"""

import socket
import ssl
import sys
import threading
import time

IDLE, WAY = 0.2, 0.1


def serve(conn, mode):
    with conn:
        while b"\r\n\r\n" not in conn.recv(4096):
            pass
        conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        time.sleep(IDLE)
        if mode == "read":
            conn.unwrap().close()   # ours goes, the client's is read
            return
        conn.setblocking(False)
        try:
            conn.unwrap()           # ours goes; the client's has not come yet
        except (ssl.SSLWantReadError, ssl.SSLError):
            pass
        time.sleep(WAY)


def guarded(context, plain, mode):
    try:
        serve(context.wrap_socket(plain, server_side=True), mode)
    except OSError:
        pass


def main():
    folder, port, version, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/tls.crt", f"{folder}/tls.key")
    context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        while True:
            plain, _ = listener.accept()
            threading.Thread(target=guarded, args=(context, plain, mode), daemon=True).start()


main()
