# SPDX-License-Identifier: Apache-2.0
"""Images without a registry: made of programs of this machine, as archives that `ctr images import` reads.

    pause   what holds a pod's sandbox
    web     nginx, configured as the laboratory's other pods have it
"""

import hashlib
import io
import json
import os
import platform
import re
import shutil
import tarfile

from drainlab.pod import HEALTH_PORT, NGINX, PORT
from drainlab.proc import LabError, run

HERE = os.path.dirname(os.path.abspath(__file__))
PAUSE, WEB = "drainlab.invalid/pause:1", "drainlab.invalid/web:1"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
KEEPALIVE = 75
WWW = "/srv"


def libraries(program):
    """The files that the dynamic linker maps for a program, the linker among them."""
    found = re.findall(r"(/\S+) \(0x", run(["ldd", program]))
    if not found:
        raise LabError(f"ldd names no library of {program}")
    return found


class Layer:
    """The one layer of an image, in memory."""

    def __init__(self):
        self.bytes = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.bytes, mode="w")   # closed by done()
        self.folders = set()

    def folder(self, path, mode=0o755):
        """A folder, and those above it."""
        path = path.strip("/")
        if not path or path in self.folders:
            return
        self.folder(os.path.dirname(path))
        self.folders.add(path)
        self._add(path, mode, tarfile.DIRTYPE)

    def file(self, path, content, mode=0o644):
        self.folder(os.path.dirname(path))
        self._add(path.strip("/"), mode, tarfile.REGTYPE, content)

    def copy(self, source, path=None):
        """A file of this machine, links followed, at the same place unless it says otherwise."""
        with open(source, "rb") as file:
            self.file(path or source, file.read(), 0o755)

    def link(self, path, target):
        self.folder(os.path.dirname(path))
        self._add(path.strip("/"), 0o777, tarfile.SYMTYPE, target=target)

    def _add(self, path, mode, kind, content=b"", target=""):
        info = tarfile.TarInfo(path)
        info.mode, info.type, info.size, info.linkname = mode, kind, len(content), target
        self.tar.addfile(info, io.BytesIO(content))

    def done(self):
        self.tar.close()
        return self.bytes.getvalue()


def write_archive(path, name, layer, entrypoint):
    """An archive as `docker save` writes it, with one layer."""
    data = layer.done()
    machine = platform.machine()
    config = json.dumps({
        "architecture": ARCHITECTURES.get(machine, machine), "os": "linux", "history": [{}],
        "config": {"Entrypoint": entrypoint, "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(data).hexdigest()]}}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    with tarfile.open(path, "w") as archive:
        for member, content in (("config.json", config), ("layer.tar", data), ("manifest.json", manifest)):
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def pause(folder):
    """The sandbox's process: ends on SIGTERM, else never."""
    program = os.path.join(folder, "pause")
    run(["cc", "-static", "-O2", "-o", program, os.path.join(HERE, "programs", "pause.c")])
    layer = Layer()
    layer.copy(program, "/pause")
    return write_archive(program + ".tar", PAUSE, layer, ["/pause"])


def web(folder):
    """The machine's nginx, which answers with the name of its pod: the host's name in there."""
    layer, program = Layer(), os.path.realpath(shutil.which("nginx"))
    layer.copy(program, "/usr/sbin/nginx")
    for library in libraries(program):
        layer.copy(library)
    layer.file("/etc/passwd", b"root:x:0:0:root:/:/\n")
    layer.file("/etc/group", b"root:x:0:\n")
    layer.folder("/tmp", 0o1777)
    layer.folder("/var/lib/nginx")
    layer.folder("/var/log/nginx")
    layer.folder(WWW)
    for log, stream in (("access.log", "/dev/stdout"), ("error.log", "/dev/stderr")):
        layer.link(os.path.join(WWW, log), stream)
    layer.file(os.path.join(WWW, "nginx.conf"), NGINX.format(
        folder=WWW, keepalive=KEEPALIVE, name="$hostname", port=PORT, health=HEALTH_PORT,
        proxy="").encode())
    return write_archive(os.path.join(folder, "web.tar"), WEB, layer, [
        "/usr/sbin/nginx", "-c", os.path.join(WWW, "nginx.conf"), "-e", "/dev/stderr"])
