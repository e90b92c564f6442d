# SPDX-License-Identifier: Apache-2.0
"""Files of the node that grow, and go with their pod: read through a descriptor that outlives them."""

import os


class Tail:
    """read() gives take() whole lines as they come."""

    def __init__(self, path):
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.rest = b""

    def read(self):
        while data := os.read(self.fd, 1 << 20):
            whole, newline, rest = (self.rest + data).rpartition(b"\n")
            self.rest = rest
            if newline:
                self.take((whole + newline).splitlines(keepends=True))

    def take(self, lines):
        raise NotImplementedError


def parse_cri(line, started):
    """(stream, the container's own bytes once its line is whole, else None) of one line of a container's log as the
    CRI has it: TIME STREAM F|P TEXT. started: by stream, what came of a line that is not whole; changed."""
    _, stream, tag, text = line.rstrip(b"\n").split(b" ", 3)
    text = started.pop(stream, b"") + text
    if tag.split(b":")[0] == b"P":
        started[stream] = text
        return stream, None
    return stream, text + b"\n"


class Container(Tail):
    """A container's log: its standard output goes to one file, its standard error to another."""

    def __init__(self, path, output, error):
        super().__init__(path)
        self.to = {b"stdout": output, b"stderr": error}
        self.started = {}

    def take(self, lines):
        found = {}
        for line in lines:
            stream, text = parse_cri(line, self.started)
            if text is not None:
                found.setdefault(stream, []).append(text)
        for stream, texts in found.items():
            with open(self.to[stream], "ab") as file:
                file.write(b"".join(texts))


class Copy(Tail):
    """A file's copy. A file that is begun anew gets another one: copy_path() names each."""

    def __init__(self, path, copy_path):
        super().__init__(path)
        self.copy_path, self.path, self.at = copy_path, None, 0

    def read(self):
        if os.fstat(self.fd).st_size < self.at:
            os.lseek(self.fd, 0, os.SEEK_SET)
            self.path, self.at, self.rest = None, 0, b""
        super().read()
        self.at = os.lseek(self.fd, 0, os.SEEK_CUR)

    def take(self, lines):
        self.path = self.path or self.copy_path()
        with open(self.path, "ab") as file:
            file.write(b"".join(lines))
