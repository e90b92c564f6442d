# SPDX-License-Identifier: Apache-2.0
"""What is in drainsnoop's image: the program, what it is loaded with, CA certificates, and no shell.

Two layers, so that a node which updates fetches the small one: what Debian gives, then our own.
"""

import os
import subprocess
import tempfile

from . import packages
from .archive import Layer
from .elf import loaded_with

PROGRAM, STATE = "/usr/bin/drainsnoop", "/var/lib/drainsnoop"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
# Where distributions keep the bundle; in the image it is where OpenSSL of Debian looks.
BUNDLES = (CERTIFICATES, "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")
ETC = {"passwd": "root:x:0:0:root:/:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n",
       "group": "root:x:0:\nnogroup:x:65534:\n",
       "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n"}


class ImageError(Exception):
    """The image cannot be made; the text is for people."""


def stripped(program, strip="llvm-strip"):
    """The program without symbols and lines, which tell nothing to who runs it."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "program")
        done = subprocess.run([strip, "-o", path, program], capture_output=True, text=True, check=False)
        if done.returncode:
            raise ImageError(f"{strip} {program}: {done.stderr.strip()}")
        with open(path, "rb") as file:
            return file.read()


def in_image(path, root):
    """Where a file below root is to be in the image: the folder with links followed, the name as it is asked for."""
    root = os.path.realpath(root)
    folder = os.path.realpath(os.path.dirname(path))
    return os.path.join("/", os.path.relpath(folder, root), os.path.basename(path))


def foundation(program, root="/", epoch=0):
    """(architecture, layer) of what is not ours."""
    arch, files = loaded_with(program, root)
    layer = Layer("libraries and CA certificates of the distribution", epoch)
    for name in ("bin", "lib", "lib64", "sbin"):
        path = os.path.join(root, name)
        if os.path.islink(path):
            layer.folder(os.path.join("usr", name))
            layer.link(name, os.path.join("usr", name))
    for path in files:
        layer.copy(path, in_image(path, root))
    bundle = next((path for path in BUNDLES if os.path.exists(path)), None)
    if not bundle:
        raise ImageError("there are no CA certificates here: install ca-certificates")
    layer.copy(bundle, CERTIFICATES, 0o644)
    for name, text in ETC.items():
        layer.file("/etc/" + name, text.encode())
    layer.folder("/tmp", 0o1777)
    if os.path.realpath(root) == "/":
        packages.add(layer, [*files, bundle])
    return arch, layer


def ours(program, licences, strip="llvm-strip", epoch=0):
    """The layer of drainsnoop itself. licences: files that say under which terms."""
    layer = Layer("drainsnoop", epoch)
    layer.file(PROGRAM, stripped(program, strip), 0o755)
    for path in licences:
        layer.copy(path, "/usr/share/doc/drainsnoop/" + os.path.basename(path), 0o644)
    layer.folder(STATE, 0o700)
    return layer
