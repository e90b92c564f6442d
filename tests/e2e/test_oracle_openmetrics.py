# SPDX-License-Identifier: Apache-2.0
"""The parsers of PyPI's prometheus-client read what is served: OpenMetrics (the strict one) and the text format say
the same, sample by sample."""
import json
import math
import re
import unittest

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

import metrics_server
from metrics_server import OPENMETRICS, Server

# Of the process: they differ from one reading to the next.
MOVING = re.compile(r"process_|drainsnoop_metrics_")
AWKWARD = 'a\\b"c\n{x="y"} # \u00fc \U0001f40b ' + "z" * 100


def samples(families):
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for family in families
            for sample in family.samples if not MOVING.match(sample.name)}


def event(name, second, **keys):
    return (json.dumps({"event.name": name, "time": f"2026-11-22T10:15:{second:02d}Z", **keys}) + "\n").encode()


class Both(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        metrics_server.build()

    def read_both(self, lines):
        with Server() as server:
            server.feed(lines)
            server.end()
            status, headers, text = server.get("/metrics", OPENMETRICS)
            self.assertEqual((status, headers["Content-Type"]),
                             (200, "application/openmetrics-text; version=1.0.0; charset=utf-8"))
            return list(read_openmetrics(text)), list(read_text(server.get("/metrics")[2]))

    def test_both_formats_say_the_same(self):
        for name in ("rollout", "aborted_fin", "drain_elb", "batches"):
            with self.subTest(name=name):
                open_families, text_families = self.read_both(metrics_server.recording(name))
                self.assertEqual(samples(open_families), samples(text_families))
                self.assertGreater(len(samples(open_families)), 40)
                for family in open_families:
                    self.assertTrue(family.documentation, family.name)
                    self.assertNotEqual(family.type, "unknown", family.name)

    def test_units_are_told_and_end_the_name(self):
        units = {family.name: family.unit for family in self.read_both(metrics_server.recording("rollout"))[0]}
        self.assertEqual(units["drainsnoop_deregistration_lag_seconds"], "seconds")
        self.assertEqual(units["process_resident_memory_bytes"], "bytes")
        self.assertEqual({name for name in units if name.endswith(("_seconds", "_bytes")) and not units[name]}, set())

    def test_exemplars_are_pods_with_the_time_of_their_drop(self):
        families = self.read_both(metrics_server.recording("rollout"))[0]
        drops = next(family for family in families if family.name == "drainsnoop_dropped_connections")
        exemplars = [sample.exemplar for sample in drops.samples if sample.value and sample.exemplar]
        self.assertEqual(len(exemplars), sum(1 for sample in drops.samples if sample.value))
        for exemplar in exemplars:
            self.assertRegex(exemplar.labels["pod_uid"], r"^[0-9a-f]{8}-[0-9a-f-]{27}$")
            self.assertGreaterEqual(exemplar.value, 1)
            self.assertGreater(float(exemplar.timestamp), 1.7e9)

    def test_the_histogram_is_whole(self):
        families = self.read_both(metrics_server.recording("rollout"))[0]
        lag = next(family for family in families if family.name == "drainsnoop_deregistration_lag_seconds")
        buckets = [(float(s.labels["le"]), s.value) for s in lag.samples if s.name.endswith("_bucket")]
        self.assertEqual([bound for bound, _ in buckets], [0.5, 1, 2, 5, 10, 30, 60, math.inf])
        self.assertEqual(sorted(count for _, count in buckets), [count for _, count in buckets])
        self.assertEqual(next(s.value for s in lag.samples if s.name.endswith("_count")), buckets[-1][1])
        self.assertGreater(buckets[-1][1], 0)

    def test_names_from_outside_come_out_as_they_went_in(self):
        families, text_families = self.read_both([
            event("drainsnoop.start", 0, **{"drainsnoop.run.id": "8f3a61c2", "drainsnoop.version": "0.1.0"}),
            event("drainsnoop.pod.state", 1, **{"k8s.pod.uid": "u-1", "k8s.namespace.name": AWKWARD, "k8s.pod.name": "x",
                                               "k8s.deployment.name": AWKWARD, "drainsnoop.pod.addresses": "10.0.3.1",
                                               "drainsnoop.pod.phase": "ready"})])
        for read in (families, text_families):
            found = {(s.labels["namespace"], s.labels["workload"]) for family in read for s in family.samples
                     if s.name == "drainsnoop_dropped_connections_total"}
            self.assertEqual(found, {(AWKWARD, AWKWARD)})


if __name__ == "__main__":
    unittest.main()
