# SPDX-License-Identifier: Apache-2.0
"""The command line: help, usage errors, bad input, closed pipes, full disks, missing rights."""

import json
import os
import shutil
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.path.join(ROOT, "build/drainsnoop")
GOLDEN = os.path.join(ROOT, "tests/golden/listener_closed.jsonl.gz")


def run(*args, timeout=60, **kwargs):
    return subprocess.run([BINARY, *args], capture_output=True, text=True, timeout=timeout, check=False, **kwargs)


def recording(folder):
    """The golden recording, unpacked."""
    path = os.path.join(folder, "recording.jsonl")
    with open(path, "wb") as out:
        subprocess.run(["gzip", "-dc", GOLDEN], stdout=out, check=True)
    return path


def started(process, timeout=60):
    """Waits for the first line on standard output."""
    line = process.stdout.readline()
    assert "drainsnoop.start" in line, (line, timeout)
    return json.loads(line)


class Usage(unittest.TestCase):
    def test_help_is_data_and_no_error(self):
        for args in (["--help"], ["trace", "--help"], ["replay", "--help"], ["schema", "--help"]):
            done = run(*args)
            self.assertEqual((done.returncode, done.stderr), (0, ""), args)
            self.assertIn("Usage:", done.stdout)

    def test_version(self):
        self.assertRegex(run("version").stdout, r"^drainsnoop \d+\.\d+\.\d+\n$")

    def test_faults_of_usage_exit_2_and_say_what_to_do(self):
        for args, words in ((["--no-such-flag"], "--no-such-flag"), (["nonsense"], "no command 'nonsense'"),
                            (["trace", "extra"], "unexpected argument 'extra'"), (["replay"], "which recording"),
                            (["-o", "yaml"], "none of: table, wide, json"), (["--lb", "10.0.0.0/99"], "--lb"),
                            (["--pod-ip", "10.1"], "--pod-ip"), (["--pod-ip", "10.0.0.1=name"], "NAMESPACE/NAME"),
                            (["--settle", "soon"], "is not a time"), (["--port", "70000"], "is not a port"),
                            (["--event", "drop,nothing"], "is no list of"), (["--limit", "-1"], "whole number"),
                            (["--tap", "never"], "none of: auto, always")):
            done = run(*args)
            self.assertEqual(done.returncode, 2, args)
            self.assertIn(words, done.stderr, args)
            self.assertEqual(done.stdout, "", args)

    def test_schema_is_json_schema(self):
        schema = json.loads(run("schema").stdout)
        self.assertEqual(schema["$schema"], "https://json-schema.org/draft/2020-12/schema")


class Replay(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.recording = recording(self.folder)

    def lines(self, *args):
        done = run("replay", self.recording, "-o", "json", *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_filters_leave_the_first_line(self):
        names = {e["event.name"] for e in self.lines("--event", "verdict")}
        self.assertEqual(names, {"drainsnoop.start", "drainsnoop.pod.verdict"})

    def test_namespace_that_does_not_exist_hides_all_pods(self):
        self.assertFalse([e for e in self.lines("-n", "no-such") if "k8s.pod.name" in e])

    def test_family_and_port(self):
        drops = [e for e in self.lines() if e["event.name"] == "drainsnoop.drop"]
        self.assertGreater(len(drops), 10)
        for args, left in ((["-4"], len(drops)), (["-6"], 0), (["--port", "8080"], len(drops)), (["--port", "1"], 0)):
            self.assertEqual(len([e for e in self.lines(*args) if e["event.name"] == "drainsnoop.drop"]), left, args)

    def test_limit_stops_after_so_many_drops(self):
        self.assertEqual(len([e for e in self.lines("--limit", "3") if e["event.name"] == "drainsnoop.drop"]), 3)

    def test_fail_on(self):
        self.assertEqual(run("replay", self.recording, "--fail-on", "1").returncode, 3)
        self.assertEqual(run("replay", self.recording, "--fail-on", "100000").returncode, 0)

    def test_rate_limit_folds_lines_and_loses_no_count(self):
        lines = self.lines("--rate-limit", "2")
        drops = [e for e in lines if e["event.name"] == "drainsnoop.drop"]
        full = [e for e in self.lines() if e["event.name"] == "drainsnoop.drop"]
        self.assertLess(len(drops), len(full))
        self.assertEqual(sum(e["drainsnoop.repeat"] for e in drops), len(full))

    def test_colours_only_where_they_are_asked_for(self):
        self.assertNotIn("\033", run("replay", self.recording).stdout)
        self.assertIn("\033", run("replay", self.recording, "--color", "always").stdout)

    def test_closed_pipe_ends_quietly(self):
        done = subprocess.run(f"'{BINARY}' replay '{self.recording}' -o json | head -n 1", shell=True,
                              capture_output=True, text=True, timeout=60, check=False, executable="/bin/bash")
        self.assertEqual(done.stderr, "")
        self.assertEqual(len(done.stdout.splitlines()), 1)
        status = subprocess.run(f"'{BINARY}' replay '{self.recording}' -o json | head -n 1 >/dev/null; "
                                "exit ${PIPESTATUS[0]}", shell=True, timeout=60, check=False, executable="/bin/bash")
        self.assertEqual(status.returncode, 0)

    def test_full_disk_on_standard_output_is_an_error(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([BINARY, "replay", self.recording], stdout=full, stderr=subprocess.PIPE, text=True,
                                  timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn("No space left on device", done.stderr)

    def test_unreadable_file(self):
        done = run("replay", os.path.join(self.folder, "absent.jsonl"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("absent.jsonl", done.stderr)
        self.assertIn("No such file", done.stderr)

    def test_folder_instead_of_a_file(self):
        done = run("replay", self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn(self.folder, done.stderr)

    def test_malformed_line_is_named_and_does_not_end_the_replay(self):
        with open(self.recording, encoding="utf-8") as file:
            lines = file.readlines()
        lines.insert(5, '{"time":"2026-11-22T10:15:31Z","event.name":"drainsnoop.target.state","drainsnoop.target.port":"x"}\n')
        with open(self.recording, "w", encoding="utf-8") as file:
            file.writelines(lines)
        done = run("replay", self.recording, "-o", "json")
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"{self.recording}:6: byte ", done.stderr)
        self.assertIn("drainsnoop.target.port", done.stderr)
        self.assertIn("drainsnoop.stop", done.stdout)

    def test_cut_off_recording_is_said_and_judged(self):
        with open(self.recording, encoding="utf-8") as file:
            text = file.read()
        with open(self.recording, "w", encoding="utf-8") as file:
            file.write(text[:len(text) // 2])
        done = run("replay", self.recording, "-o", "json")
        self.assertEqual(done.returncode, 1)
        self.assertIn("cut off", done.stderr)
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["event.name"], "drainsnoop.stop")

    def test_terminal_is_not_reached_by_escapes_in_names(self):
        lines = [{"event.name": "drainsnoop.start", "time": "2026-11-22T10:00:00Z", "drainsnoop.version": "0",
                  "drainsnoop.run.id": "00000000"},
                 {"event.name": "drainsnoop.pod.state", "time": "2026-11-22T10:00:01Z", "k8s.pod.uid": "u",
                  "k8s.pod.name": "a\u001b[31mb", "drainsnoop.pod.addresses": "10.0.0.1", "drainsnoop.pod.phase": "ready"}]
        with open(self.recording, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines)
        self.assertNotIn("\033", run("replay", self.recording).stdout)
        self.assertNotIn("\033", run("replay", self.recording, "-o", "json").stdout)


class Rights(unittest.TestCase):
    def test_without_rights_one_plain_sentence(self):
        # A copy: the checkout may lie in a folder that only its owner may enter.
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            os.chmod(folder, 0o755)
            binary = shutil.copy(BINARY, folder)
            drop = None if os.geteuid() else lambda: (os.setgid(65534), os.setuid(65534))
            done = subprocess.run([binary], capture_output=True, text=True, timeout=60, check=False,
                                  preexec_fn=drop, cwd="/")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn("CAP_BPF and CAP_PERFMON", done.stderr)
        self.assertNotIn("libbpf", done.stderr)


if __name__ == "__main__":
    unittest.main()
