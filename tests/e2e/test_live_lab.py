# SPDX-License-Identifier: Apache-2.0
"""The laboratory leaves nothing behind: after Ctrl-C, after kill -9, and after drainsnoop is killed."""

import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
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
        log = os.path.join(self.folder, "log")
        with open(log, "wb") as file:
            process = subprocess.Popen([LAB, "listener_closed", "--keep", self.folder], stderr=file,
                                       stdout=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        end = time.monotonic() + 120
        while time.monotonic() < end and process.poll() is None:
            with open(log, encoding="utf-8") as file:
                text = file.read()
            if "requests a second" in text:
                return process, re.search(r"run ([0-9a-f]+):", text).group(1)
            time.sleep(0.1)
        self.fail(f"the scenario did not get under way: {text}")

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
