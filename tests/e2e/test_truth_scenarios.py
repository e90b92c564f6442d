# SPDX-License-Identifier: Apache-2.0
"""The scenarios themselves, before any is played: each can be loaded, and says what the laboratory asks of it."""

import dataclasses
import os
import re
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))
sys.dont_write_bytecode = True

from drainlab.settings import Settings  # noqa: E402
from scenarios import Scenario, names  # noqa: E402


class Scenarios(unittest.TestCase):
    def test_each_can_be_loaded_and_its_settings_exist(self):
        known = {field.name for field in dataclasses.fields(Settings)}
        self.assertGreater(len(names()), 50)
        for name in names():
            with self.subTest(name):
                scenario = Scenario(name)
                self.assertTrue(scenario.summary)
                self.assertLessEqual(set(scenario.settings), known)
                self.assertLessEqual(set(scenario.families), {"ipv4", "ipv6"})
                self.assertTrue(scenario.families)

    def test_the_tables_of_the_readme_and_the_scenarios_agree(self):
        with open(os.path.join(ROOT, "scripts/lab/README.md"), encoding="utf-8") as file:
            cells = [line.rstrip(" |\n").rpartition("|")[2] for line in file if line.startswith("|")]
        told = {word.strip() for cell in cells for word in re.split("[,;]", cell)}
        self.assertEqual(sorted(set(names()) - told), [], "scenarios that no row names")
        unknown = [word for word in told if re.fullmatch("[a-z0-9]+(_[a-z0-9]+)+", word) and word not in names()]
        self.assertEqual(unknown, [], "rows that name what there is not")


if __name__ == "__main__":
    unittest.main()
