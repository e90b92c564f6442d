# SPDX-License-Identifier: Apache-2.0
"""The commit that make builds into the program: asked of this folder's own repository only, which it leaves as it is."""
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@unittest.skipUnless(shutil.which("git"), "needs git")
class Revision(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.source = os.path.join(self.folder, "source")
        os.mkdir(self.source)
        shutil.copy(os.path.join(ROOT, "Makefile"), self.source)
        self.file = os.path.join(self.folder, "build", "revision")

    def git(self, *words, at=None):
        # Nobody's settings: no hooks, no signatures.
        done = subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@localhost", *words], cwd=at or self.source,
                              env=self.environment(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1"), check=True,
                              capture_output=True, text=True)
        return done.stdout.strip()

    @staticmethod
    def environment(**more):
        """Without what an outer make, or a git hook, tells its children."""
        return {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "MAKE", "MFLAGS", "REVISION"))} | more

    def make(self, *words):
        subprocess.run(["make", "-s", f"BUILD={os.path.dirname(self.file)}", self.file, *words], cwd=self.source, check=True,
                       env=self.environment())
        with open(self.file, encoding="ascii") as file:
            return file.read()

    def commit(self):
        self.git("init", "-q")
        self.git("add", "Makefile")
        self.git("commit", "-q", "-m", "all")
        return self.git("rev-parse", "--short=12", "HEAD")

    def index(self):
        with open(os.path.join(self.source, ".git", "index"), "rb") as file:
            return file.read()

    def test_it_is_the_commit_and_whether_files_differ(self):
        head = self.commit()
        self.assertEqual(self.make(), head)
        # Touched, and the same: neither dirty, nor is the index written anew.
        os.utime(os.path.join(self.source, "Makefile"), (1, 1))
        index = self.index()
        self.assertEqual(self.make(), head)
        with open(os.path.join(self.source, "new"), "w", encoding="ascii"):
            pass
        self.assertEqual(self.make(), head)
        with open(os.path.join(self.source, "Makefile"), "a", encoding="ascii") as file:
            file.write("#\n")
        self.assertEqual(self.make(), head + "-dirty")
        self.assertEqual(self.index(), index)

    def test_what_did_not_change_is_not_written(self):
        self.commit()
        self.make()
        os.utime(self.file, (1, 1))
        self.make()
        self.assertEqual(os.stat(self.file).st_mtime, 1)
        self.make("REVISION=other")
        self.assertNotEqual(os.stat(self.file).st_mtime, 1)

    def test_the_variable_has_the_last_word(self):
        self.commit()
        self.assertEqual(self.make("REVISION=v1"), "v1")
        self.assertEqual(self.make("REVISION="), "")

    def test_a_repository_around_it_is_not_asked(self):
        self.git("init", "-q", at=self.folder)
        self.git("commit", "-q", "--allow-empty", "-m", "not ours", at=self.folder)
        self.assertEqual(self.make(), "")


if __name__ == "__main__":
    unittest.main()
