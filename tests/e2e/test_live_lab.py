# SPDX-License-Identifier: Apache-2.0
"""The laboratory leaves nothing behind: after Ctrl-C, and after kill -9 once --clean was run."""

import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from test_live import ROOT, wait_for

LAB = os.path.join(ROOT, "scripts/lab/run")


def leftovers(run_id):
    """Namespaces, links and cgroups that carry the run's id."""
    names = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    netns = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=True).stdout
    cgroups = [path for base in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified") for path in glob.glob(f"{base}/*{run_id}*")]
    return [line for line in (names + netns).splitlines() if run_id in line] + cgroups


@unittest.skipIf(os.geteuid(), "needs root")
class Laboratory(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def start(self):
        """A scenario under way: (process, run id)."""
        with open(os.path.join(self.folder, "log"), "wb") as file:
            process = subprocess.Popen([LAB, "listener_closed", "--keep", self.folder], stderr=file,
                                       stdout=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(self.remove, process)
        wait_for(lambda: "requests a second" in self.said() or process.poll() is not None, 120, "the scenario to be under way")
        self.assertIsNone(process.poll(), self.said())
        return process, self.run_id()

    def said(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8") as file:
            return file.read()

    def run_id(self):
        found = re.search(r"run ([0-9a-f]+):", self.said())
        return found and found.group(1)

    def remove(self, process):
        """Whatever became of the test: nothing of its run stays."""
        process.kill()
        process.wait()
        if self.run_id():
            subprocess.run([LAB, "--clean", self.run_id()], check=False, capture_output=True, timeout=120)

    def test_ctrl_c_removes_everything(self):
        process, run_id = self.start()
        self.assertTrue(leftovers(run_id), "nothing carries the run's id: this test would prove nothing")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(120), 130)
        self.assertEqual(leftovers(run_id), [])

    def test_after_kill_9_clean_removes_everything(self):
        process, run_id = self.start()
        process.kill()
        process.wait(60)
        self.assertTrue(leftovers(run_id))
        subprocess.run([LAB, "--clean", run_id], check=True, capture_output=True, timeout=120)
        self.assertEqual(leftovers(run_id), [])


if __name__ == "__main__":
    unittest.main()
