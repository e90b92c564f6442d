# SPDX-License-Identifier: Apache-2.0
"""What happens to watches: streams that die without a word, lists that expire half way, servers that are busy. More
of it is in test_live_kube.py; what a real API server does is in test_live_kube_api.py.

Everything happens in a network namespace of the test's own."""

import os
import unittest

from fake_kube import make_pod
from test_live import wait_for
from test_live_kube import KubeTest, parse_time


@unittest.skipIf(os.geteuid(), "needs root")
class Streams(KubeTest):
    def health(self):
        return [e for e in self.lines() if e["event.name"] == "drainsnoop.health"]

    def test_a_stream_that_died_without_a_word(self):
        """A load balancer between the two forgot the connection: neither end is told."""
        kube = self.serve(make_pod("web-1", "10.99.0.5"), make_pod("web-2", "10.99.0.6"))
        process = self.watch("--kube-quiet", "2")
        self.wait_phase("web-2", "ready")
        watches = len(kube.asked("watch"))
        kube.deafen()
        t0 = kube.terminate("web-1")
        self.wait_phase("web-1", "terminating")
        self.assertGreater(len(kube.asked("watch")), watches)
        wait_for(self.health, 90, "health")
        self.stop(process)
        self.assertEqual(parse_time(self.pods("web-1")[1]["drainsnoop.pod.t0"]), t0)
        self.assertEqual(len(kube.asked("list")), 1)    # from where it was
        self.assertEqual(self.phases("web-2"), ["ready"])
        self.assertGreaterEqual(self.health()[0]["drainsnoop.watch.restarts"], 1)
        self.assertEqual(self.losses(), 0)

    def test_a_stream_that_ends_as_it_ought_to(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        process = self.watch()
        self.wait_phase("web-1", "ready")
        for state in ("terminating", "deleted"):
            watches = len(kube.asked("watch"))
            kube.put(make_pod(f"web-{state}", "10.99.0.7"))     # a word, so that it was no empty answer
            self.wait_phase(f"web-{state}", "ready")
            kube.finish()
            wait_for(lambda n=watches: len(kube.asked("watch")) > n, 60, "the next watch")
            if state == "terminating":
                kube.terminate("web-1")
            else:
                kube.remove("web-1")
            self.wait_phase("web-1", state)
        self.stop(process)
        self.assertEqual(len(kube.asked("list")), 1)
        self.assertEqual(self.said().count("API server"), 0, self.said())
        self.assertEqual(self.losses(), 0)

    def test_bookmarks_are_gone_on_from(self):
        """Only other nodes' pods change: the watch goes on from the last bookmark, not from what it knows."""
        kube = self.serve(make_pod("web-1", "10.99.0.5"), make_pod("far-1", "10.99.0.6", node="node-2"))
        process = self.watch()
        self.wait_phase("web-1", "ready")
        for i in range(20):
            kube.change("far-1", lambda pod, i=i: pod["metadata"]["labels"].update(step=str(i)))
        bookmark = str(kube.version)
        kube.put(make_pod("web-2", "10.99.0.7"))    # what came before it was read
        self.wait_phase("web-2", "ready")
        before = str(kube.version)
        kube.change("far-1", lambda pod: pod["metadata"]["labels"].update(step="last"))
        wanted = str(kube.version)

        def goes_on():
            kube.finish()
            return kube.asked("watch")[-1][1]["resourceVersion"] == wanted
        wait_for(goes_on, 60, "a watch from the last bookmark on")
        self.stop(process)
        self.assertNotIn(wanted, (before, bookmark))
        self.assertEqual(len(kube.asked("list")), 1)

    def test_a_list_that_expires_half_way(self):
        kube = self.serve(*(make_pod(f"web-{i}", f"10.99.1.{i}") for i in range(1, 26)))
        kube.page = 10
        kube.fail("page", 410, "The provided continue parameter is too old")
        process = self.watch()
        wait_for(lambda: self.names().count("drainsnoop.pod.state") == 25, 60, "25 pods")
        self.stop(process)
        pages = ["continue" in query for verb, query, _ in kube.requests if verb == "list"]
        self.assertEqual(pages, [False, True, False, True, True])   # from the first page on
        self.assertEqual(self.losses(), 0)

    def test_a_server_that_is_too_busy_to_watch(self):
        kube = self.serve(make_pod("web-1", "10.99.0.5"))
        kube.fail("watch", 429, "too many requests", times=2, Retry_After="1")
        process = self.watch()
        wait_for(lambda: len(kube.asked("watch")) >= 3, 60, "the third watch")
        kube.terminate("web-1")
        self.wait_phase("web-1", "terminating")
        self.stop(process)
        self.assertEqual(len(kube.asked("list")), 1)
        self.assertEqual(self.said().count("the API server answers 429"), 1, self.said())
        self.assertIn("the API server answers again", self.said())

    def test_what_is_not_known_is_passed_over(self):
        pod = make_pod("web-1", "10.99.0.5", resizePolicy=[{"a": {"b": [1, None, True, 1e300]}}])
        pod["metadata"]["x"] = {"deletionTimestamp": "2026-01-01T00:00:00Z", "y": [[[]]]}
        pod["status"]["conditions"].append({"type": "Disrupted", "status": True, "more": {}})
        pod["later"] = {"spec": {"nodeName": "node-9"}}
        self.serve(pod)
        process = self.watch()
        self.wait_phase("web-1", "ready")
        self.stop(process)
        self.assertEqual(self.phases("web-1"), ["ready"])
        self.assertNotIn("cannot be read", self.said())

    def test_memory_does_not_grow_with_the_objects(self):
        """Each of 40 changes is an object of 3 MB: what is kept of them is what is read."""
        pod = make_pod("web-1", "10.99.0.5")
        kube = self.serve(pod)
        process = self.watch()
        self.wait_phase("web-1", "ready")

        def resident():
            with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
        before = resident()
        for i in range(40):
            kube.change("web-1", lambda pod, i=i: pod["metadata"].update(annotations={"big": "x" * 3000000, "i": str(i)}))
        kube.terminate("web-1")
        self.wait_phase("web-1", "terminating", 120)
        grown = resident() - before
        self.stop(process)
        self.assertLess(grown, 3000)    # kB


if __name__ == "__main__":
    unittest.main()
