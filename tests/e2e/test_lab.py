# SPDX-License-Identifier: Apache-2.0
"""The laboratory end to end, with drainsnoop: python3 -m unittest tests/e2e/test_lab.py

Every scenario must be explained wholly by the outside truth; two laboratories with the same addresses
side by side must not see each other; nothing may be left behind. Needs root and build/drainsnoop
(DRAINSNOOP=PATH names another); LAB_JOBS says how many runs go side by side (default 4).
"""

import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RUN = os.path.join(ROOT, "scripts/lab/run")
BINARY = os.environ.get("DRAINSNOOP", os.path.join(ROOT, "build/drainsnoop"))
JOBS = os.environ.get("LAB_JOBS", "4")
RUNS = "/run/drainlab"


def traces():
    """What of any run of the laboratory is there: namespaces, cgroups, files."""
    found = [name for name in os.listdir("/run/netns") if name.startswith("dl-")] if os.path.isdir("/run/netns") else []
    found += os.listdir(RUNS) if os.path.isdir(RUNS) else []
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for line in mounts:
            if line.partition(" - ")[2].startswith("cgroup2 "):
                found += [name for name in os.listdir(line.split()[4]) if name.startswith("drainlab-")]
    return set(found)


def start(*args, **more):
    return subprocess.Popen([RUN, "--drainsnoop", BINARY, *args], stdout=subprocess.DEVNULL, **more)


def wait_for_line(child, text):
    """Reads the progress until a line has the text. The rest of it is for whoever reads on."""
    for line in child.stderr:
        if text in line:
            return
    raise AssertionError(f"the laboratory ended without saying {text!r}")


@unittest.skipUnless(os.geteuid() == 0, "needs root")
@unittest.skipUnless(os.access(BINARY, os.X_OK), f"needs {BINARY}")
class Laboratory(unittest.TestCase):
    def test_scenarios(self):
        with tempfile.TemporaryDirectory() as folder:
            file, keep = os.path.join(folder, "runs.json"), os.environ.get("LAB_KEEP", os.path.join(folder, "kept"))
            status = subprocess.run([RUN, "--all", "--jobs", JOBS, "--json", file, "--keep", keep,
                                     "--drainsnoop", BINARY], check=False).returncode
            with open(file, encoding="utf-8") as text:
                runs = json.load(text)
        self.assertGreaterEqual(len(runs), 19)
        for run in runs:
            with self.subTest(run["scenario"]):
                self.assertEqual((run["recall"], run["precision"]), (1.0, 1.0))
                self.assertEqual((run["wrong_cause"], run["unexplained"], run["false_drops"]), (0, 0, 0))
                self.assertIsNotNone(run["tail_ms"])
        self.assertEqual(status, 0, "a scenario has problems beyond recall and precision: see its progress")

    def test_two_side_by_side(self):
        """The same addresses, the same moment, different losses: each sees its own only."""
        with tempfile.TemporaryDirectory() as folder:
            names = ("listener_closed", "clean")
            children = [start(name, "--json", os.path.join(folder, name)) for name in names]
            self.assertEqual([child.wait() for child in children], [0, 0])
            runs = []
            for name in names:
                with open(os.path.join(folder, name), encoding="utf-8") as text:
                    runs += json.load(text)
        lossy, clean = runs
        self.assertEqual((lossy["recall"], lossy["precision"], lossy["drops"]["listener_closed"] > 0), (1.0, 1.0, True))
        self.assertEqual((clean["failed"], clean["drops"]), (0, {}))

    def test_ctrl_c_leaves_nothing(self):
        before = traces()
        child = start("rollout", stderr=subprocess.PIPE, text=True)
        wait_for_line(child, "is deleted: T0")
        child.send_signal(signal.SIGINT)
        child.stderr.read()
        self.assertEqual(child.wait(60), 130)
        self.assertEqual(traces() - before, set())

    def test_kill_leaves_what_clean_removes(self):
        before = traces()
        child = start("rollout", stderr=subprocess.PIPE, text=True)
        wait_for_line(child, "is deleted: T0")
        child.kill()
        child.wait()
        child.stderr.close()
        time.sleep(0.2)     # programs that end with their standard input do so now
        run_ids = {name for name in traces() - before if not name.startswith(("dl-", "drainlab-"))}
        self.assertEqual(len(run_ids), 1)
        subprocess.run([RUN, "--clean", run_ids.pop()], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(traces() - before, set())


if __name__ == "__main__":
    unittest.main()
