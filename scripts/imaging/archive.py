# SPDX-License-Identifier: Apache-2.0
"""Layers and image archives, byte for byte the same for the same content.

An archive is an OCI image layout with Docker's manifest.json beside it (what `docker save` writes
since version 25), so that docker load, podman load and ctr images import all take it.
"""

import gzip
import hashlib
import io
import json
import os
import tarfile

LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
VARIANTS = {"arm64": "v8"}


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def describe(kind, data):
    return {"mediaType": kind, "digest": digest(data), "size": len(data)}


def encode(thing):
    return json.dumps(thing, sort_keys=True, separators=(",", ":")).encode()


class Layer:
    """One layer, in memory: entries in the order in which they are added, all of root, all of one time."""

    def __init__(self, comment, epoch=0):
        self.comment, self.epoch = comment, epoch
        self.bytes = io.BytesIO()
        self.tar = tarfile.open(fileobj=self.bytes, mode="w", format=tarfile.PAX_FORMAT)   # closed by done()
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

    def copy(self, source, path=None, mode=0o755):
        """A file of this machine, links followed, at the same place unless it says otherwise."""
        with open(source, "rb") as file:
            self.file(path or source, file.read(), mode)

    def link(self, path, target):
        self.folder(os.path.dirname(path))
        self._add(path.strip("/"), 0o777, tarfile.SYMTYPE, target=target)

    def _add(self, path, mode, kind, content=b"", target=""):
        info = tarfile.TarInfo(path)
        info.mode, info.type, info.size, info.linkname, info.mtime = mode, kind, len(content), target, self.epoch
        self.tar.addfile(info, io.BytesIO(content))

    def done(self):
        self.tar.close()
        return self.bytes.getvalue()

    def unpack(self, folder):
        """Writes the files below a folder."""
        with tarfile.open(fileobj=io.BytesIO(self.done())) as tar:
            tar.extractall(folder)


class Image:
    """layers: Layer objects, the lowest first. config: as OCI has it under "config". created: RFC 3339. level: of
    gzip; 1 for what is used here and now."""

    def __init__(self, layers, arch, config, created="1970-01-01T00:00:00Z", level=9):
        plain = [layer.done() for layer in layers]
        packed = [gzip.compress(data, level, mtime=0) for data in plain]
        self.unpacked, self.packed = sum(map(len, plain)), [len(data) for data in packed]
        self.arch = {"architecture": arch, "os": "linux"} | ({"variant": VARIANTS[arch]} if arch in VARIANTS else {})
        settings = encode({**self.arch, "created": created, "config": config,
                           "rootfs": {"type": "layers", "diff_ids": [digest(data) for data in plain]},
                           "history": [{"created": created, "created_by": layer.comment} for layer in layers]})
        manifest = encode({"schemaVersion": 2, "mediaType": MANIFEST, "config": describe(CONFIG, settings),
                           "layers": [describe(LAYER, data) for data in packed]})
        self.config_digest, self.layer_digests = digest(settings), [digest(data) for data in packed]
        self.digest, self.size = digest(manifest), len(manifest)
        self.blobs = {digest(data): data for data in (*packed, settings, manifest)}


def blob_path(of):
    return "blobs/" + of.replace(":", "/")


def named(described, name):
    """What stands in index.json: the description of a manifest or an index, with the full reference."""
    return {**described, "annotations": {"io.containerd.image.name": name,
                                         "org.opencontainers.image.ref.name": name.rpartition(":")[2]}}


def write_layout(path, described, blobs, epoch, **more):
    """The archive of an OCI image layout. described: of its one image, with its name. more: further files."""
    members = {blob_path(of): data for of, data in sorted(blobs.items())}
    members |= {"index.json": encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [described]}), **more,
                "oci-layout": encode({"imageLayoutVersion": "1.0.0"})}
    outer = Layer("", epoch)
    for member, data in members.items():
        outer.file(member, data)
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".new", "wb") as file:
        file.write(outer.done())
    os.rename(path + ".new", path)
    return path


def write_archive(path, name, image, epoch=0):
    """name: the full reference, with its tag. The archive's path."""
    docker = encode([{"Config": blob_path(image.config_digest), "RepoTags": [name],
                      "Layers": [blob_path(of) for of in image.layer_digests]}])
    described = {"mediaType": MANIFEST, "digest": image.digest, "size": image.size, "platform": image.arch}
    return write_layout(path, named(described, name), image.blobs, epoch, **{"manifest.json": docker})


def join(path, archives, epoch=0):
    """One archive of the same image for several architectures, as write_archive() made it for each: (name, digest).
    Without Docker's manifest.json, which knows one architecture. ValueError where they do not go together."""
    found, blobs = [], {}
    for archive in archives:
        with tarfile.open(archive) as tar:
            members = {m.name: tar.extractfile(m).read() for m in tar.getmembers() if m.isfile()}
        described, = json.loads(members["index.json"])["manifests"]
        found.append(described)
        blobs |= {digest(data): data for name, data in members.items() if name.startswith("blobs/")}
    names = {described["annotations"]["io.containerd.image.name"] for described in found}
    platforms = {described["platform"]["architecture"] for described in found}
    if len(names) != 1 or len(platforms) != len(found):
        raise ValueError(f"not one image of several architectures: {sorted(names)}, {sorted(platforms)}")
    index = encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [
        {key: described[key] for key in ("mediaType", "digest", "size", "platform")}
        for described in sorted(found, key=lambda described: described["platform"]["architecture"])]})
    blobs[digest(index)] = index
    name = names.pop()
    write_layout(path, named(describe(INDEX, index), name), blobs, epoch)
    return name, digest(index)
