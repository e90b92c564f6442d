# SPDX-License-Identifier: Apache-2.0
"""The container image: that it holds what the program needs and nothing else, and that it is the same each time."""

import hashlib
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from imaging import elf, packages  # noqa: E402
from imaging.archive import Image, Layer, digest, join, write_archive  # noqa: E402
from imaging.elf import Elf, ElfError  # noqa: E402

PROGRAM = os.path.join(ROOT, "build/drainsnoop")


def make(folder, name="i.tar", epoch="1700000000", *options):
    """(archive's path, what was said)"""
    path = os.path.join(folder, name)
    done = subprocess.run([os.path.join(ROOT, "scripts/image"), "--output", path, *options], capture_output=True,
                          text=True, check=False, env={**os.environ, "SOURCE_DATE_EPOCH": epoch})
    return path, done


def members(path):
    with tarfile.open(path) as archive:
        return {m.name: archive.extractfile(m).read() for m in archive.getmembers() if m.isfile()}


class Archive(unittest.TestCase):
    """What scripts/image makes of build/drainsnoop."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path, done = make(cls.folder.name)
        if done.returncode:
            raise AssertionError(done.stderr)
        cls.said, cls.members = done.stdout, members(cls.path)
        cls.manifest = json.loads(cls.blob(json.loads(cls.members["index.json"])["manifests"][0]))
        cls.config = json.loads(cls.blob(cls.manifest["config"]))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    @classmethod
    def blob(cls, described):
        return cls.members["blobs/" + described["digest"].replace(":", "/")]

    def unpack(self, folder):
        for described in self.manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(self.blob(described))) as tar:
                tar.extractall(folder)

    def test_every_blob_is_what_its_name_says(self):
        blobs = {name: data for name, data in self.members.items() if name.startswith("blobs/")}
        self.assertEqual(len(blobs), 4)     # manifest, configuration, two layers
        for name, data in blobs.items():
            self.assertEqual(name, "blobs/sha256/" + hashlib.sha256(data).hexdigest())
        for described in [*self.manifest["layers"], self.manifest["config"]]:
            self.assertEqual(described["size"], len(self.blob(described)))

    def test_docker_and_oci_say_the_same(self):
        docker = json.loads(self.members["manifest.json"])[0]
        self.assertEqual(docker["Config"], "blobs/" + self.manifest["config"]["digest"].replace(":", "/"))
        self.assertEqual(docker["Layers"], ["blobs/" + d["digest"].replace(":", "/") for d in self.manifest["layers"]])
        described = json.loads(self.members["index.json"])["manifests"][0]
        self.assertEqual(docker["RepoTags"], [described["annotations"]["io.containerd.image.name"]])
        self.assertEqual(json.loads(self.members["oci-layout"]), {"imageLayoutVersion": "1.0.0"})

    def test_it_says_what_it_is(self):
        arch = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
        self.assertEqual((self.config["architecture"], self.config["os"]), (arch, "linux"))
        self.assertEqual(self.config["config"]["Entrypoint"], ["/usr/bin/drainsnoop"])
        self.assertEqual(self.config["created"], "2023-11-14T22:13:20Z")
        self.assertRegex(self.said, r"MB unpacked, [\d.]+ MB compressed")
        self.assertIn(digest(self.blob(json.loads(self.members["index.json"])["manifests"][0])), self.said)

    def test_it_is_small(self):
        self.assertLess(os.path.getsize(self.path), 12_000_000)

    def test_the_same_again_is_the_same(self):
        again, _ = make(self.folder.name, "again.tar")
        with open(self.path, "rb") as one, open(again, "rb") as two:
            self.assertEqual(digest(one.read()), digest(two.read()))
        later, _ = make(self.folder.name, "later.tar", "1700000001")
        self.assertNotEqual(members(later)["index.json"], self.members["index.json"])

    def test_the_program_runs_in_it_and_nothing_else_would(self):
        with tempfile.TemporaryDirectory() as folder:
            self.unpack(folder)
            if os.geteuid() == 0:
                said = subprocess.run(["chroot", folder, "/usr/bin/drainsnoop", "--version"], capture_output=True,
                                      text=True, check=True).stdout
                self.assertEqual(said, subprocess.run([PROGRAM, "--version"], capture_output=True, text=True,
                                                      check=True).stdout)
            programs = [name for top, _, names in os.walk(folder) for name in names
                        if "/bin" in top or "/sbin" in top]
            self.assertEqual(programs, ["drainsnoop"])
            with open(os.path.join(folder, "etc/ssl/certs/ca-certificates.crt"), encoding="ascii") as file:
                self.assertIn("BEGIN CERTIFICATE", file.read())
            with open(os.path.join(folder, "etc/passwd"), encoding="ascii") as file:
                self.assertTrue(file.read().startswith("root:x:0:0:"))

    def test_every_file_is_of_root_and_of_that_time(self):
        for described in self.manifest["layers"]:
            with tarfile.open(fileobj=io.BytesIO(self.blob(described))) as tar:
                for member in tar.getmembers():
                    self.assertEqual((member.uid, member.gid, member.mtime), (0, 0, 1700000000), member.name)
                    self.assertFalse(member.mode & 0o6000, member.name)     # nothing gives rights

    def test_a_scanner_finds_the_packages(self):
        with tempfile.TemporaryDirectory() as folder:
            self.unpack(folder)
            there = os.path.join(folder, "var/lib/dpkg/status.d")
            if not packages.owners([os.path.realpath("/bin/sh")]):
                self.skipTest("this distribution has no dpkg")
            with open(os.path.join(there, "libc6"), encoding="utf-8") as file:
                self.assertRegex(file.read(), r"(?s)^Package: libc6\nVersion: \S+\n")
            for name in os.listdir(there):
                self.assertTrue(os.path.exists(os.path.join(folder, "usr/share/doc", name, "copyright")), name)


class Program(unittest.TestCase):
    """What the ELF headers tell."""

    def test_it_finds_what_the_linker_finds(self):
        listed = subprocess.run(["ldd", PROGRAM], capture_output=True, text=True, check=True).stdout
        wanted = {os.path.realpath(word) for word in listed.split() if word.startswith("/")}
        _, found = elf.loaded_with(PROGRAM)
        self.assertEqual({os.path.realpath(path) for path in found}, wanted)
        self.assertIn("ld-linux", found[0])

    def test_what_is_no_program(self):
        with self.assertRaisesRegex(ElfError, "no 64-bit"):
            Elf(os.path.join(ROOT, "LICENSE"))

    def test_a_program_that_is_cut(self):
        with open(PROGRAM, "rb") as file:
            data = file.read(4096)
        for length in (20, 60, 300):
            with tempfile.NamedTemporaryFile() as cut:
                cut.write(data[:length])
                cut.flush()
                with self.assertRaises(ElfError):
                    Elf(cut.name)

    def test_another_architecture_needs_its_own_libraries(self):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "program")
            with open(PROGRAM, "rb") as file:
                data = bytearray(file.read())
            data[18:20] = (183).to_bytes(2, "little")
            with open(program, "wb") as file:
                file.write(data)
            self.assertEqual(Elf(program).arch, "arm64")
            with self.assertRaisesRegex(ElfError, "for arm64 in the dynamic linker's own folders"):
                elf.loaded_with(program, folder)

    def test_a_library_in_a_sysroot(self):
        with tempfile.TemporaryDirectory() as folder:
            arch = Elf(PROGRAM).arch
            for path in elf.loaded_with(PROGRAM)[1]:
                place = os.path.join(folder, os.path.dirname(path).lstrip("/"))
                os.makedirs(place, exist_ok=True)
                os.symlink(os.path.realpath(path), os.path.join(place, os.path.basename(path)))
            found = elf.loaded_with(PROGRAM, folder)
            self.assertEqual(found[0], arch)
            self.assertTrue(all(path.startswith(folder) for path in found[1]))

    def test_mistakes_are_said(self):
        with tempfile.TemporaryDirectory() as folder:
            for options, epoch, words in ((("--program", "/nowhere"), "0", "/nowhere does not exist; run make"),
                                          (("--program", os.path.join(ROOT, "LICENSE")), "0", "no 64-bit"),
                                          ((), "soon", "SOURCE_DATE_EPOCH is 'soon'")):
                path, done = make(folder, "i.tar", epoch, *options)
                self.assertEqual((done.returncode, done.stdout, os.path.exists(path)), (1, "", False))
                self.assertIn(words, done.stderr)


class Layers(unittest.TestCase):
    def test_an_archive_has_what_it_says(self):
        with tempfile.TemporaryDirectory() as folder:
            layer = Layer("words")
            layer.file("/etc/deep/passwd", b"root\n")
            layer.file("/etc/deep/group", b"root\n")
            layer.link("/bin/sh", "/usr/bin/sh")
            image = Image([layer], "arm64", {"Entrypoint": ["/bin/sh"]})
            path = write_archive(os.path.join(folder, "i.tar"), "name.invalid/x:1", image)
            found = members(path)
        docker = json.loads(found["manifest.json"])[0]
        config = json.loads(found[docker["Config"]])
        self.assertEqual((docker["RepoTags"], config["variant"]), (["name.invalid/x:1"], "v8"))
        with tarfile.open(fileobj=io.BytesIO(found[docker["Layers"][0]])) as tar:
            self.assertEqual(tar.getnames(), ["etc", "etc/deep", "etc/deep/passwd", "etc/deep/group", "bin", "bin/sh"])
            self.assertEqual(tar.getmember("bin/sh").linkname, "/usr/bin/sh")


    def one(self, folder, arch, name="name.invalid/x:1"):
        layer = Layer("words")
        layer.file("/etc/arch", arch.encode())
        return write_archive(os.path.join(folder, arch + ".tar"), name, Image([layer], arch, {}))

    def test_one_archive_for_both_architectures(self):
        with tempfile.TemporaryDirectory() as folder:
            both = os.path.join(folder, "both.tar")
            name, of = join(both, [self.one(folder, "arm64"), self.one(folder, "amd64")])
            found = members(both)
            self.assertEqual(name, "name.invalid/x:1")
            described, = json.loads(found["index.json"])["manifests"]
            self.assertEqual(described["digest"], of)
            index = json.loads(found["blobs/" + of.replace(":", "/")])
            self.assertEqual([d["platform"]["architecture"] for d in index["manifests"]], ["amd64", "arm64"])
            for described in index["manifests"]:
                manifest = json.loads(found["blobs/" + described["digest"].replace(":", "/")])
                for blob in (manifest["config"], *manifest["layers"]):
                    self.assertEqual(digest(found["blobs/" + blob["digest"].replace(":", "/")]), blob["digest"])
            for wrong in (("amd64", "name.invalid/x:1"), ("arm64", "name.invalid/y:1")):
                two = os.path.join(folder, "two")
                os.makedirs(two, exist_ok=True)
                with self.assertRaises(ValueError):
                    join(both, [self.one(folder, "amd64"), self.one(two, *wrong)])


if __name__ == "__main__":
    unittest.main()
