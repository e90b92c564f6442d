# SPDX-License-Identifier: Apache-2.0
"""Images without a registry: made of programs of this machine, as archives that `ctr images import` reads.

    pause   what holds a pod's sandbox
    web     nginx, configured as the laboratory's other pods have it
    agent   drainsnoop itself, as `make image` makes it
"""

import os
import shutil
import sys

from drainlab.pod import HEALTH_PORT, NGINX, PORT
from drainlab.proc import run

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from imaging.archive import Image, Layer, write_archive  # noqa: E402
from imaging.elf import Elf, loaded_with  # noqa: E402

PAUSE, WEB = "drainlab.invalid/pause:1", "drainlab.invalid/web:1"
KEEPALIVE = 75
WWW = "/srv"


def save(folder, name, program, layer, command):
    """The archive of an image of one layer, which is for this machine as the program is."""
    image = Image([layer], Elf(program).arch, {"Entrypoint": command, "Env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"]},
                  level=1)
    file = name.rpartition("/")[2].partition(":")[0] + ".tar"
    return write_archive(os.path.join(folder, file), name, image)


def pause(folder):
    """The sandbox's process: ends on SIGTERM, else never."""
    program = os.path.join(folder, "pause")
    run(["cc", "-static", "-O2", "-o", program, os.path.join(HERE, "programs", "pause.c")])
    layer = Layer("pause")
    layer.copy(program, "/pause")
    return save(folder, PAUSE, program, layer, ["/pause"])


def web(folder):
    """The machine's nginx, which answers with the name of its pod: the host's name in there."""
    layer, program = Layer("nginx"), os.path.realpath(shutil.which("nginx"))
    layer.copy(program, "/usr/sbin/nginx")
    for library in loaded_with(program)[1]:
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
    return save(folder, WEB, program, layer, [
        "/usr/sbin/nginx", "-c", os.path.join(WWW, "nginx.conf"), "-e", "/dev/stderr"])


def agent(folder, program):
    """drainsnoop's own image: (archive, its name). VERSION is the program's."""
    path = os.path.join(folder, "drainsnoop.tar")
    said = run([os.path.join(ROOT, "scripts/image"), "--program", program, "--output", path])
    return path, said.split()[1].rstrip(",")
