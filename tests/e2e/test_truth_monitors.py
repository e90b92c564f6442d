# SPDX-License-Identifier: Apache-2.0
"""What a Prometheus and a log agent have of a run, set against its truth: pure, without either of them."""

import os
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))
sys.dont_write_bytecode = True

from drainlab import prometheus  # noqa: E402
from kubelab import monitors  # noqa: E402

TOLD = {"drops": [[{}, 7.0]], "risen": [[{}, 7.0]], "increase": [[{}, 7.2]], "lost": [[{}, 0.0]],
        "by_cause": [[{"cause": "listener_closed"}, 4.0], [{"cause": "address_released"}, 3.0]],
        "by_workload": [[{"namespace": "default", "workload": "web"}, 7.0]],
        "verdicts": [[{"verdict": "dropped"}, 2.0], [{"verdict": "clean"}, 0.0]], "up": [[{"pod": "a"}, 1.0], [{}, 1.0]]}
CAUSES = {"listener_closed": 4, "address_released": 3}


class Answers(unittest.TestCase):
    def problems(self, count=7, causes=None, verdicts=None, **told):
        return prometheus.problems(TOLD | told, count, causes or CAUSES, ("default", "web"), verdicts or {"dropped": 2})

    def test_they_are_the_truth(self):
        self.assertEqual(self.problems(), [])

    def test_each_that_is_not_is_told(self):
        for change, word in (({"drops": [[{}, 6.0]]}, "drops"), ({"drops": []}, "drops"), ({"risen": [[{}, 6.0]]}, "risen"),
                             ({"increase": [[{}, 6.9]]}, "increase"), ({"increase": []}, "increase"),
                             ({"lost": [[{}, 1.0]]}, "lost"), ({"by_cause": TOLD["by_cause"][:1]}, "by_cause"),
                             ({"by_workload": [[{"namespace": "default", "workload": ""}, 7.0]]}, "by_workload"),
                             ({"verdicts": [[{"verdict": "dropped"}, 1.0]]}, "verdicts"),
                             ({"up": [[{}, 1.0], [{}, 0.0]]}, "up"), ({"up": []}, "up"),
                             ({"causes": {"listener_closed": 7}}, "by_cause")):
            with self.subTest(change):
                said = self.problems(**change)
                self.assertEqual(len(said), 1)
                self.assertIn(word, said[0])

    def test_another_number_of_drops_is_told_of_every_sum(self):
        self.assertEqual(len(self.problems(count=8)), 4)


class Records(unittest.TestCase):
    LINES = [{"drainsnoop.run.id": run, "drainsnoop.seq": seq, "x": "y"} for run in "ab" for seq in range(3)]

    def test_all_of_them_arrived(self):
        self.assertEqual(monitors.differences(self.LINES, self.LINES), [])

    def test_what_is_missing_is_told_also_where_nobody_read_it(self):
        for lines in (self.LINES[:4] + self.LINES[5:], self.LINES[1:]):
            self.assertEqual(len(monitors.differences(lines, lines)), 1)
        self.assertIn("5 records arrived", monitors.differences(self.LINES[:5], self.LINES)[0])

    def test_an_attribute_that_changed_is_told(self):
        arrived = [*self.LINES[:5], self.LINES[5] | {"x": "z"}]
        self.assertEqual(monitors.differences(arrived, self.LINES),
                         ["1 records are not the lines that were written, first of them number 6"])


class Endpoints(unittest.TestCase):
    def test_those_of_the_named_port(self):
        def pod(name, address):
            ports = [{"name": "other", "containerPort": 1}, {"name": "metrics", "containerPort": 9973}]
            return {"metadata": {"name": name}, "status": {"podIP": address},
                    "spec": {"nodeName": "n", "containers": [{"ports": ports}, {}]}}
        self.assertEqual(monitors.endpoints([pod("a", "10.0.0.1"), pod("b", "fd77::1")]),
                         [("10.0.0.1:9973", {"pod": "a", "node": "n"}), ("[fd77::1]:9973", {"pod": "b", "node": "n"})])


if __name__ == "__main__":
    unittest.main()
