# SPDX-License-Identifier: Apache-2.0
"""What a kubelet needs of systemd to shut its node down gracefully: a D-Bus that has nothing but logind on it.

The kubelet takes an inhibitor lock (a descriptor), and waits for the signal PrepareForShutdown. When it gets
that, it ends the node's pods as it does on a real machine, and closes the lock: then a real machine would go down.
The part of D-Bus that it speaks for this: EXTERNAL authentication, method calls, one signal, little-endian.
"""

import secrets
import socket
import struct
import threading

from drainlab.proc import now_ns

CALL, REPLY, ERROR, SIGNAL = 1, 2, 3, 4
PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE, FDS = range(1, 10)
MANAGER = "org.freedesktop.login1.Manager"
DELAY_USEC = 3600 * 10**6   # that the machine would wait for inhibitors: more than any kubelet asks for
MOST = 1 << 16              # bytes of a message


def pad(data, to):
    return data + bytes(-len(data) % to)


def text(value):
    data = value.encode()
    return struct.pack("<I", len(data)) + data + b"\0"


def header_field(code, value):
    """One entry of the header's array: its number, its type, its value."""
    if code in (REPLY_SERIAL, FDS):
        return bytes((code, 1)) + b"u\0" + struct.pack("<I", value)
    if code == SIGNATURE:
        return bytes((code, 1)) + b"g\0" + bytes((len(value),)) + value.encode() + b"\0"
    return bytes((code, 1)) + (b"o\0" if code == PATH else b"s\0") + text(value)


def message(kind, serial, fields, body=b""):
    entries = b""
    for code, value in fields.items():
        entries = pad(entries, 8) + header_field(code, value)
    head = struct.pack("<cBBBIII", b"l", kind, 1, 1, len(body), serial, len(entries))
    return pad(head + entries, 8) + body


def parse(data):
    """(type, serial, {field: value}, body, bytes used) of the message that data begins with, or None if there is
    more of it to come. ValueError where it is none."""
    if len(data) < 16:
        return None
    endian, kind, _, version, body, serial, length = struct.unpack_from("<cBBBIII", data)
    start = 16 + length + (-length % 8)
    if endian != b"l" or version != 1 or start + body > MOST:
        raise ValueError("no message of a kubelet's D-Bus")
    if len(data) < start + body:
        return None
    fields, at = {}, 16
    while at < 16 + length:
        at += -at % 8
        code, size = data[at], data[at + 1]
        kind_of, at = data[at + 2:at + 2 + size], at + 3 + size
        if kind_of == b"g":
            fields[code], at = data[at + 1:at + 1 + data[at]].decode(), at + data[at] + 2
            continue
        at += -at % 4
        number, = struct.unpack_from("<I", data, at)
        at += 4
        if kind_of == b"u":
            fields[code] = number
        else:
            fields[code], at = data[at:at + number].decode(), at + number + 1
    return kind, serial, fields, data[start:start + body], start + body


class Logind:
    """Listens at a path; shut_down() is `systemctl poweroff`."""

    def __init__(self, lab, path):
        self.lab, self.address = lab, "unix:path=" + path
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(4)
        self.lock, self.serial = threading.Lock(), 0
        self.clients = []       # connections that want signals
        self.held = []          # our ends of the locks
        self.watched = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def shut_down(self):
        """(before, after) the signal was sent (ns). The kubelet has asked for it."""
        before = now_ns()
        for client in self.clients:
            self._send(client, SIGNAL, {PATH: "/org/freedesktop/login1", INTERFACE: MANAGER,
                                        MEMBER: "PrepareForShutdown", SIGNATURE: "b"}, struct.pack("<I", 1))
        return before, now_ns()

    def released(self):
        """True once nobody holds a lock any more: the machine would go down now."""
        for end in list(self.held):
            end.setblocking(False)
            try:
                if not end.recv(1):
                    self.held.remove(end)
                    end.close()
            except BlockingIOError:
                pass
        return not self.held

    def end(self):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        try:
            rest = self._authenticate(client)
            while True:
                found = parse(rest)
                if found is None:
                    data = client.recv(MOST)
                    if not data:
                        return
                    rest += data
                    continue
                kind, serial, fields, _, used = found
                rest = rest[used:]
                if kind == CALL:
                    self._answer(client, serial, fields.get(INTERFACE, ""), fields.get(MEMBER, ""))
        except (OSError, ValueError, IndexError, struct.error) as error:
            if not self.lab.stopping.is_set():
                self.lab.fail(error)

    @staticmethod
    def _authenticate(client):
        """Lines, until one says that messages begin. What came after it."""
        data = b""
        while True:
            while b"\r\n" not in data:
                got = client.recv(4096)
                if not got:
                    raise OSError("the kubelet's D-Bus connection ended in its handshake")
                data += got
            line, _, data = data.partition(b"\r\n")
            words = line.lstrip(b"\0").split()
            if words[0] == b"BEGIN":
                return data
            answers = {b"NEGOTIATE_UNIX_FD": b"AGREE_UNIX_FD"}
            answer = answers.get(words[0], b"OK " + secrets.token_hex(16).encode() if len(words) > 1
                                 else b"REJECTED EXTERNAL")
            client.sendall(answer + b"\r\n")

    def _answer(self, client, serial, interface, member):
        fields, body, give = {REPLY_SERIAL: serial}, b"", None
        if member == "Hello":
            fields[SIGNATURE], body = "s", text(":1.1")
        elif member == "Get":       # InhibitDelayMaxUSec; a variant of t
            fields[SIGNATURE], body = "v", pad(b"\1t\0", 8) + struct.pack("<Q", DELAY_USEC)
        elif (interface, member) == (MANAGER, "Inhibit"):
            mine, give = socket.socketpair()
            self.held.append(mine)
            fields |= {SIGNATURE: "h", FDS: 1}
            body = struct.pack("<I", 0)
        elif member == "AddMatch":
            self.clients.append(client)
            self.watched.set()
        else:
            fields |= {ERROR_NAME: "org.freedesktop.DBus.Error.UnknownMethod", SIGNATURE: "s"}
            body = text(f"{interface}.{member} is not here")
        self._send(client, ERROR if ERROR_NAME in fields else REPLY, fields, body, give)

    def _send(self, client, kind, fields, body, give=None):
        with self.lock:
            self.serial += 1
            data = message(kind, self.serial, {SENDER: "org.freedesktop.DBus", **fields}, body)
            if give is None:
                client.sendall(data)
                return
            with give:
                socket.send_fds(client, [data], [give.fileno()])
