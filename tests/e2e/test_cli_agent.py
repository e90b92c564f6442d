# SPDX-License-Identifier: Apache-2.0
"""`drainsnoop agent` as a command line: what is refused, by option and by environment, before anything is traced."""

import os
import shutil
import socket
import subprocess
import tempfile
import unittest

from test_cli import BINARY


def run(*args, timeout=60, **environment):
    """With nothing of the environment but what is given; where no API server answers."""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | environment
    return subprocess.run([BINARY, "agent", "--kube-api", "http://127.0.0.1:9", *args], capture_output=True, text=True,
                          check=False, timeout=timeout, env=environment)


class Usage(unittest.TestCase):
    def refused(self, words, *args, status=2, **environment):
        done = run(*args, **environment)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_help_is_data(self):
        done = subprocess.run([BINARY, "agent", "--help"], capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for option in ("--metrics-listen", "--state", "--redact-peers", "--standalone", "--lb", "--settle"):
            self.assertIn(option, done.stdout)
        for option in ("--kube\n", "--output", "--color", "--limit", "--fail-on"):
            self.assertNotIn(option, done.stdout)

    def test_faults_of_usage(self):
        self.refused("unexpected argument 'extra'", "extra")
        for bad in ("pod", "workload,pod", "namespace,namespace", "namespace,node", ""):
            self.refused(f"--metrics-labels: '{bad}' is neither namespace,workload nor namespace", "--metrics-labels", bad)
        for bad in ("0", "65537"):
            self.refused(f"--metrics-max-series: '{bad}' is not from 1 to 65536", "--metrics-max-series", bad)
        self.refused("--metrics-max-series: 'x' is not a whole number", "--metrics-max-series", "x")
        self.refused("--redact-key-file: needs --redact-peers", "--redact-key-file", "/dev/null")
        self.refused("goes without --config-namespace", "--standalone", "--config-namespace", "a")
        self.refused("--elb-rate: needs --elb", "--elb-rate", "1")
        self.refused("--kube-api goes without --kubeconfig", "--kubeconfig", "/dev/null")
        for bad in ("", "Upper", "a/b", "..", "-a", "a" * 254):
            for command in ("agent", "targets", "doctor"):
                done = subprocess.run([BINARY, command, "--config-namespace", bad], capture_output=True, text=True,
                                      check=False, timeout=60)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertIn(f"--config-namespace: '{bad}' is no name of an object", done.stderr)
        for bad in ("9973", "localhost:9973", "127.0.0.1:0x1", ":70000", "::1:9973", "[::1]"):
            self.refused(f"--metrics-listen: '{bad}' is no address and port", "--metrics-listen", bad)

    def test_faults_of_the_environment_name_the_variable(self):
        self.refused("DRAINSNOOP_SETTLE: 'soon' is not a time", DRAINSNOOP_SETTLE="soon")
        self.refused("DRAINSNOOP_LB: '10.0.0.0/99' is not an address or prefix", DRAINSNOOP_LB="10.0.0.0/8,10.0.0.0/99")
        self.refused("DRAINSNOOP_STANDALONE: 'yes' is none of: 1, true, 0, false", DRAINSNOOP_STANDALONE="yes")
        self.refused("DRAINSNOOP_NAMESPACE: given more than 64 times", DRAINSNOOP_NAMESPACE="a," * 65)
        self.refused("DRAINSNOOP_METRICS_LISTEN: '1' is no address and port", DRAINSNOOP_METRICS_LISTEN="1")
        self.refused("DRAINSNOOP_METRICS_LABELS: 'pod' is neither", DRAINSNOOP_METRICS_LABELS="pod")
        self.refused("DRAINSNOOP_METRICS_MAX_SERIES: '0' is not from 1", DRAINSNOOP_METRICS_MAX_SERIES="0")
        # Both are taken: what is refused is another option.
        self.refused("needs --redact-peers", "--redact-key-file", "/dev/null", DRAINSNOOP_METRICS_LABELS="pod,namespace",
                     DRAINSNOOP_METRICS_MAX_SERIES="65536")
        # What the command line says is the command line's.
        self.refused("--settle: 'soon' is not a time", "--settle", "soon", DRAINSNOOP_LB="10.0.0.0/8")
        self.refused("needs --elb", DRAINSNOOP_ELB_RATE="2")
        self.refused("DRAINSNOOP_ELB_RATE: 'x' is no number", DRAINSNOOP_ELB_RATE="x", DRAINSNOOP_STANDALONE="1")

    def test_a_name_that_is_none_names_the_nearest(self):
        self.refused("DRAINSNOOP_METRIC_LISTEN in the environment is no option; DRAINSNOOP_METRICS_LISTEN is the nearest",
                     DRAINSNOOP_METRIC_LISTEN=":1")
        self.refused("DRAINSNOOP_LB is the nearest", DRAINSNOOP_LBS="10.0.0.0/8")

    def test_the_command_line_goes_before_the_environment(self):
        """A value that would be refused is not looked at."""
        self.refused("--redact-key-file: read /nonexistent/key", "--settle", "5s", "--lb", "10.0.0.0/8", "--redact-peers",
                     "--redact-key-file", "/nonexistent/key", status=1, DRAINSNOOP_SETTLE="soon", DRAINSNOOP_LB="nonsense",
                     DRAINSNOOP_SERVICE_HOST="10.0.0.1", DRAINSNOOP_PORT="tcp://10.0.0.1:9973")

    def test_other_commands_do_not_read_it(self):
        for command in (["version"], ["schema"], ["trace", "--help"]):
            done = subprocess.run([BINARY, *command], capture_output=True, text=True, check=False, timeout=60,
                                  env={"DRAINSNOOP_NONSENSE": "1", "DRAINSNOOP_SETTLE": "soon"})
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)


    def test_one_environment_for_all_commands_of_a_container(self):
        """`kubectl exec` into the agent's container, and runs another command there."""
        environment = {"DRAINSNOOP_METRICS_LISTEN": ":9973", "DRAINSNOOP_STATE": "/var/lib/drainsnoop/state",
                       "DRAINSNOOP_LEASE": "a", "DRAINSNOOP_TARGETS_SERVICE_HOST": "10.0.0.1"}
        for command in ("agent", "targets", "doctor"):
            done = subprocess.run([BINARY, command, "--help"], capture_output=True, text=True, check=False, timeout=60,
                                  env=environment)
            self.assertEqual((done.returncode, done.stderr), (0, ""), command)
            done = subprocess.run([BINARY, command, "--help"], capture_output=True, text=True, check=False, timeout=60,
                                  env=environment | {"DRAINSNOOP_STATES": "1"})
            self.assertEqual(done.returncode, 2, command)
            self.assertIn("DRAINSNOOP_STATE is the nearest", done.stderr)


class Errors(unittest.TestCase):
    """What is wrong at the start is one line and status 1."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def failed(self, words, *args):
        done = run(*args)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
        self.assertIn(words, done.stderr)
        self.assertEqual(done.stdout, "")

    def test_secrets(self):
        short = os.path.join(self.folder, "short")
        with open(short, "w", encoding="ascii") as file:
            file.write("fifteen letters")
        self.failed(f"{short} holds less than 16 bytes", "--redact-peers", "--redact-key-file", short)
        self.failed(f"read {self.folder}: Is a directory", "--redact-peers", "--redact-key-file", self.folder)

    def test_a_port_that_is_taken(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            address = f"127.0.0.1:{other.getsockname()[1]}"
            self.failed("Address already in use", "--metrics-listen", address)

    def test_files_that_cannot_be_made(self):
        self.failed("/nonexistent/recording", "--record", "/nonexistent/recording")


if __name__ == "__main__":
    unittest.main()
