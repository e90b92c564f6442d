# SPDX-License-Identifier: Apache-2.0
"""drainsnoop completion: the scripts are taken by their shells, and offer what --help lists."""

import os
import re
import shutil
import subprocess
import tempfile
import unittest

from test_cli import run

# What bash does at a press of Tab, without a terminal.
PRESS = r"""
source /dev/stdin <<<"$SCRIPT"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
_drainsnoop
[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}"
"""


def options(command):
    """Long and short options of --help, but what argp adds."""
    text = run(command, "--help").stdout
    long = set(re.findall(r"^ {2,6}(?:-\S, )?\s*(--[a-z][a-z0-9-]+)", text, re.MULTILINE)) - {"--usage"}
    return long | {short for short in re.findall(r"^ {2}(-\S),", text, re.MULTILINE) if short != "-?"}


class Usage(unittest.TestCase):
    def test_faults_of_usage(self):
        for args, words in (([], "Give bash or zsh"), (["fish"], "none of: bash, zsh"), (["bash", "zsh"], "unexpected")):
            done = run("completion", *args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertIn(words, done.stderr)


class Bash(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.script = run("completion", "bash").stdout
        cls.folder = tempfile.mkdtemp()
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        with open(os.path.join(cls.folder, "recording.jsonl"), "w", encoding="ascii"):
            pass

    def press(self, *words):
        done = subprocess.run(["bash", "--norc", "-c", PRESS, "bash", "drainsnoop", *words], capture_output=True, text=True,
                              check=True, timeout=60, cwd=self.folder, env=os.environ | {"SCRIPT": self.script})
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_commands(self):
        commands = set(re.findall(r"^  (\w+) ", run("--help").stdout.partition("Commands:")[2].partition("Examples:")[0],
                                  re.MULTILINE))
        self.assertIn("doctor", commands)
        self.assertEqual(self.press(""), commands)
        self.assertEqual(self.press("doc"), {"doctor"})

    def test_options_of_each_command(self):
        for command in ("trace", "replay", "agent", "targets", "doctor", "schema"):
            self.assertEqual(self.press(command, "-"), options(command) | {"--help"}, command)
        self.assertEqual(self.press("--dur"), {"--duration"})     # of the command that needs not be named

    def test_values(self):
        self.assertEqual(self.press("trace", "--record", ""), {"recording.jsonl"})
        self.assertEqual(self.press("replay", "rec"), {"recording.jsonl"})
        self.assertEqual(self.press("trace", "--duration", ""), set())


@unittest.skipUnless(shutil.which("zsh"), "needs zsh")
class Zsh(unittest.TestCase):
    def test_zsh_takes_it_and_it_has_every_option(self):
        script = run("completion", "zsh").stdout
        done = subprocess.run(["zsh", "-n"], input=script, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        # Each specification as _arguments gets it.
        shown = subprocess.run(["zsh", "-f", "-c", "compdef() { }; source /dev/stdin; CURRENT=3; _describe() { }; "
                                "_arguments() { print -l -- $@ }; words=(drainsnoop $1 ''); _drainsnoop", "zsh", "doctor"],
                               input=script, capture_output=True, text=True, check=False)
        self.assertEqual(shown.stderr, "")
        specifications = shown.stdout.splitlines()
        for option in options("doctor"):
            self.assertTrue(any(re.match(rf"\*?{option}[=+]?\[", spec) for spec in specifications), option)
        for spec in specifications:
            self.assertRegex(spec, r"^(\*?-[\w-]+[=+]?\[([^\[\]\\]|\\.)*\](:\S+:(_files)?)?|:FILE:_files)$")


if __name__ == "__main__":
    unittest.main()
