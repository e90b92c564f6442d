# SPDX-License-Identifier: Apache-2.0
"""--elb and the options that need it: what is refused, and that nobody looks for credentials without it."""

import os
import shutil
import subprocess
import tempfile
import unittest

from test_cli import BINARY

ARN = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-web/0123456789abcdef"


def run(*args):
    return subprocess.run([BINARY, "trace", *args], capture_output=True, text=True, check=False, timeout=60)


class Usage(unittest.TestCase):
    def refused(self, word, *args):
        result = run(*args)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn(word, result.stderr)
        self.assertEqual(result.stdout, "")

    def test_options_that_need_it(self):
        for option in (["--target-group", ARN], ["--elb-interval", "2s"], ["--elb-rate", "3"], ["--elb-addresses"]):
            self.refused(f"{option[0]}: needs --elb", *option)

    def test_values(self):
        for bad in ("shop-web", "arn:aws:elasticloadbalancing:eu-central-1:123456789012:loadbalancer/app/shop/1",
                    "arn:aws:elasticloadbalancing:evil.example/:123456789012:targetgroup/shop-web/1",
                    "arn:other:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-web/1"):
            self.refused(bad, "--elb", "--target-group", bad)
        for bad in ("0", "-1", "1001", "nan", "x", "1x", ""):
            self.refused("--elb-rate", "--elb", "--elb-rate", bad)
        for bad in ("0", "99ms", "x"):
            self.refused("--elb-interval", "--elb", "--elb-interval", bad)
        self.refused("more than 64 times", "--elb", *["--target-group", ARN] * 65)


@unittest.skipIf(os.geteuid(), "needs root")
@unittest.skipUnless(shutil.which("strace"), "needs strace")
class Credentials(unittest.TestCase):
    """Every system call that opens or connects is looked at: the trace has rights that none should borrow."""

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.config = os.path.join(self.folder, "config")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("[default]\nregion = eu-central-1\n")

    def touched(self, *args):
        calls = os.path.join(self.folder, "calls")
        # Nobody listens there: the question cannot leave.
        aws = {"AWS_CONFIG_FILE": self.config, "AWS_SHARED_CREDENTIALS_FILE": self.config,
               "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true"}
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | aws
        result = subprocess.run(["strace", "-f", "-qq", "-e", "trace=open,openat,connect,socket", "-o", calls, BINARY,
                                 "trace", "--pod-ip", "10.99.0.1", "-d", "3", "-o", "json", *args],
                                capture_output=True, text=True, check=False, timeout=120, env=environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        with open(calls, encoding="utf-8") as file:
            return [line for line in file if self.config in line or "AF_INET" in line]

    def test_they_are_looked_for_with_it_only(self):
        self.assertEqual(self.touched(), [])
        self.assertTrue([line for line in self.touched("--elb", "--target-group", ARN) if self.config in line])


if __name__ == "__main__":
    unittest.main()
