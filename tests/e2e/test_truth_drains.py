# SPDX-License-Identifier: Apache-2.0
"""The laboratory's drainlab/drains.py: intervals beside the true moment, and the table of their widths."""

import os
import sys
import unittest
from types import SimpleNamespace

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))
sys.dont_write_bytecode = True

from drainlab import drains  # noqa: E402
from drainlab.events import parse_rfc3339  # noqa: E402

CALL = parse_rfc3339("2026-11-23T00:12:33.500000000Z")
POD = SimpleNamespace(name="web-1", marks={"deregistered": (CALL, CALL + 10_000_000)})


def verdict(lo, hi, **more):
    found = {"drainsnoop.drain.not_before_source": "cloudtrail", "drainsnoop.drain.not_after_source": "file", **more}
    for key, second in (("drainsnoop.drain.not_before", lo), ("drainsnoop.drain.not_after", hi)):
        if second:
            found[key] = f"2026-11-23T00:12:{second}Z"
    return found


class Drains(unittest.TestCase):
    def test_the_whole_call_must_lie_inside(self):
        for lo, hi, inside in (("33.500", "33.510", True), ("33.501", "33.510", False), ("33.500", "33.509", False),
                               ("31.000", "34.000", True), ("33.600", "34.000", False), ("31.000", "33.400", False)):
            self.assertIs(drains.measured(POD, verdict(lo, hi))["inside"], inside, (lo, hi))
        drain = drains.measured(POD, verdict("33.000", "34.000"))
        self.assertEqual((drain["width_ms"], drain["early_ms"], drain["late_ms"]), (1000, 500, 490))
        self.assertEqual((drain["not_before_source"], drain["not_after_source"]), ("cloudtrail", "file"))
        self.assertFalse(drain["conflict"])

    def test_an_interval_without_an_end_is_not_known(self):
        for lo, hi in (("33.500", None), (None, "33.510"), (None, None)):
            drain = drains.measured(POD, verdict(lo, hi))
            self.assertIsNone(drain["inside"])
            self.assertIsNone(drain["width_ms"])
        self.assertIsNone(drains.measured(POD, {})["inside"])

    def test_only_pods_that_were_deregistered_count(self):
        other = SimpleNamespace(name="web-2", marks={})
        run = SimpleNamespace(ended=[POD, other], verdict=lambda pod: verdict("33.000", "34.000"))
        self.assertEqual([drain["pod"] for drain in drains.of_run(run)], ["web-1"])

    def test_table_by_source(self):
        wide, narrow = (drains.measured(POD, verdict(*bounds)) for bounds in (("31.000", "34.000"), ("33.500", "33.510")))
        missed, unknown = drains.measured(POD, verdict("33.600", "34.000")), drains.measured(POD, {})
        results = [{"told_by": "csv", "drains": [wide, narrow]}, {"told_by": "", "drains": [wide]},
                   {"told_by": "cloudtrail", "drains": [missed, unknown]}, {"told_by": "csv", "drains": [narrow]}]
        rows = [line.split() for line in drains.table(results).splitlines()[1:]]
        self.assertEqual(rows, [["csv", "2", "3", "3", "3", "0.010", "s", "3.000", "s", "3.000", "s"],
                                ["cloudtrail", "1", "2", "1", "0", "0.400", "s", "0.400", "s", "0.400", "s"]])
        self.assertEqual(drains.table([{"told_by": "", "drains": [wide]}]), "")
        self.assertEqual(drains.table([{"told_by": "csv", "drains": []}]).splitlines()[1].split()[:5],
                         ["csv", "1", "0", "0", "0"])


if __name__ == "__main__":
    unittest.main()
