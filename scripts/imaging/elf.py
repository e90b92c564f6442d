# SPDX-License-Identifier: Apache-2.0
"""Which files a program is loaded with: read from its ELF headers, so that it need not run here.

Nothing of it is executed (ldd would), and a program of another architecture can be read as well.
"""

import glob
import os
import struct

MACHINES = {62: "amd64", 183: "arm64"}      # e_machine: the name that images have for it
TRIPLETS = {"amd64": "x86_64-linux-gnu", "arm64": "aarch64-linux-gnu"}
PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NEEDED, DT_STRTAB = 1, 5


class ElfError(Exception):
    """A file that is no program or library of Linux on a 64-bit machine; the text is for people."""


class Elf:
    """arch, interpreter (None of a library) and needed (the names of libraries) of one file."""

    def __init__(self, path):
        with open(path, "rb") as file:
            self.data = file.read()
        if self.data[:6] != b"\x7fELF\x02\x01":
            raise ElfError(f"{path} is no 64-bit little-endian ELF file")
        try:
            self._read(path)
        except (struct.error, IndexError, ValueError) as error:
            raise ElfError(f"{path} is cut or broken: {error}") from None
        del self.data

    def _read(self, path):
        machine, = struct.unpack_from("<H", self.data, 18)
        if machine not in MACHINES:
            raise ElfError(f"{path} is for ELF machine {machine}; images are made for {' and '.join(TRIPLETS)}")
        self.arch = MACHINES[machine]
        at, = struct.unpack_from("<Q", self.data, 32)
        size, count = struct.unpack_from("<HH", self.data, 54)
        headers = [struct.unpack_from("<IIQQQQQQ", self.data, at + i * size) for i in range(count)]
        self.loads = [(vaddr, offset, length) for kind, _, offset, vaddr, _, length, _, _ in headers if kind == PT_LOAD]
        parts = {kind: self.data[offset:offset + length] for kind, _, offset, _, _, length, _, _ in headers
                 if kind in (PT_DYNAMIC, PT_INTERP)}
        self.interpreter = parts[PT_INTERP].rstrip(b"\0").decode() if PT_INTERP in parts else None
        entries = list(struct.iter_unpack("<qQ", parts.get(PT_DYNAMIC, b"")))
        strings = next((self._offset(value) for tag, value in entries if tag == DT_STRTAB), 0)
        self.needed = [self._text(strings + value) for tag, value in entries if tag == DT_NEEDED]

    def _offset(self, address):
        for start, offset, length in self.loads:
            if start <= address < start + length:
                return offset + address - start
        raise ValueError("an address that no segment holds")

    def _text(self, at):
        return self.data[at:self.data.index(b"\0", at)].decode()


def default_folders(arch):
    """Where the dynamic linker looks without being told: also in an image that has no ld.so.cache."""
    triplet = TRIPLETS[arch]
    return [f"/lib/{triplet}", f"/usr/lib/{triplet}", "/lib64", "/usr/lib64", "/lib", "/usr/lib"]


def find_library(name, arch, root="/"):
    """The path, below root, of a library of that architecture."""
    elsewhere = []
    for folder in default_folders(arch):
        path = os.path.join(root, folder.lstrip("/"), name)
        if os.path.exists(path):
            if Elf(path).arch == arch:
                return path
            elsewhere.append(path)
    elsewhere += glob.glob(os.path.join(root, "usr/local/lib", name))
    raise ElfError(f"no {name} for {arch} in the dynamic linker's own folders"
                   + (f"; {elsewhere[0]} is none that an image could use" if elsewhere else ""))


def loaded_with(program, root="/"):
    """(architecture, the files that are mapped when the program starts), the linker first."""
    first = Elf(program)
    found, wanted = {}, list(first.needed)
    while wanted:
        name = wanted.pop(0)
        if name not in found:
            found[name] = find_library(name, first.arch, root)
            wanted += Elf(found[name]).needed
    linker = first.interpreter and os.path.join(root, first.interpreter.lstrip("/"))
    if linker:      # libraries name it too, by its file name
        found[os.path.basename(linker)] = linker
    return first.arch, sorted(found.values(), key=lambda path: (path != linker, path))
