# SPDX-License-Identifier: Apache-2.0
"""A real Kubernetes API server (scripts/kube-assets) and its faults: drainsnoop with the rights of its own
ServiceAccount and nothing more. There is no kubelet: the test does what it would do to its pods.

Everything happens in a network namespace of the test's own."""

import os
import shutil
import signal
import tempfile
import time
import unittest

import real_api
from test_live import wait_for
from test_live_kube import KubeTest, parse_time


@unittest.skipIf(os.geteuid(), "needs root")
@real_api.needs("cluster")
class RealApi(KubeTest):
    options = ()

    def setUp(self):
        super().setUp()
        self.state = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.state)
        self.api = real_api.Api(self.state, self.netns, *self.options)
        self.addCleanup(self.api.close)

    def write_token(self, token):
        """As the kubelet does: whoever reads has the old one or the new one."""
        path = os.path.join(self.state, "token")
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(token)
        os.rename(path + ".new", path)

    def watch_as_service_account(self, seconds=None):
        """A run with a token of its ServiceAccount, for so long; its kubeconfig names the file of it."""
        token = self.api.account()
        self.write_token(self.api.token_for(seconds) if seconds else token)
        return self.start("--kubeconfig", self.api.kubeconfig("config", {"tokenFile": "token"}), "--node", "node-1")

    @staticmethod
    def wait_until_nothing_is_remembered_of(expires):
        """The server remembers for ten seconds that it accepted a token, also past the end of it."""
        wait_for(lambda: time.time() > expires + 12, 120, "the end of the token")

    def health(self):
        return [e for e in self.lines() if e["event.name"] == "drainsnoop.health"]

    def test_a_pods_life(self):
        self.api.create("web-1", "10.99.0.5")
        self.api.create("far-1", "10.99.0.6", node="node-2")
        process = self.watch_as_service_account()
        self.wait_phase("web-1", "ready")
        deleted = self.api.delete("web-1")
        self.wait_phase("web-1", "terminating")
        self.api.delete("web-1", gracePeriodSeconds=0)
        self.wait_phase("web-1", "deleted")
        self.api.create("web-2", "10.99.0.7")
        self.wait_phase("web-2", "ready")
        self.api.delete("web-2", gracePeriodSeconds=0)      # by force: the object is gone at once
        self.wait_phase("web-2", "deleted")
        self.stop(process)
        told = next(e for e in self.pods("web-1") if e["drainsnoop.pod.phase"] == "terminating")
        self.assertEqual(parse_time(told["drainsnoop.pod.t0"]), parse_time(deleted["metadata"]["deletionTimestamp"]) - 40)
        self.assertEqual(told["drainsnoop.pod.prestop"], "sleep:5")
        self.assertEqual(told["drainsnoop.pod.grace_period_s"], 40)
        self.assertIn("drainsnoop.pod.t0", self.pods("web-2")[-1])
        self.assertFalse(self.pods("far-1"))
        self.assertEqual(self.losses(), 0)
        self.assertNotIn("API server", self.said())

    def test_a_restart_in_mid_watch_and_a_server_that_stands_still(self):
        """After a restart the server has forgotten the past: what was watched is too old for it (410)."""
        self.api.create("web-1", "10.99.0.5")
        self.api.create("web-2", "10.99.0.6")
        process = self.watch_as_service_account()
        self.wait_phase("web-2", "ready")
        self.api.stop()
        wait_for(lambda: self.health() and self.health()[0]["drainsnoop.watch.lag_ms"] >= 5000, 60, "health")
        self.api.start()
        deleted = self.api.delete("web-1")
        self.wait_phase("web-1", "terminating", 90)
        wait_for(lambda: "the API server answers again" in self.said(), 90, "the word of it")
        self.api.programs["kube-apiserver"].send_signal(signal.SIGSTOP)
        time.sleep(30)      # it stands still for so long: nothing can be waited for
        self.api.programs["kube-apiserver"].send_signal(signal.SIGCONT)
        self.api.delete("web-1", gracePeriodSeconds=0)
        self.wait_phase("web-1", "deleted", 90)
        self.stop(process)
        told = next(e for e in self.pods("web-1") if e["drainsnoop.pod.phase"] == "terminating")
        self.assertEqual(parse_time(told["drainsnoop.pod.t0"]), parse_time(deleted["metadata"]["deletionTimestamp"]) - 40)
        self.assertEqual(self.phases("web-2"), ["ready"])
        self.assertEqual(self.losses(), 0)

    def test_a_token_that_expires(self):
        """The kubelet puts a new one into the file before: nobody notices. Where it does not, that is said."""
        self.api.create("web-1", "10.99.0.5")
        process = self.watch_as_service_account(60)
        expires = time.time() + 60
        self.wait_phase("web-1", "ready")
        self.write_token(self.api.token_for(600))
        self.wait_until_nothing_is_remembered_of(expires)
        self.api.stop()
        self.api.start()        # whoever watches has to say anew who they are
        self.api.create("web-2", "10.99.0.6")
        self.wait_phase("web-2", "ready", 90)
        self.assertNotIn("401", self.said())
        self.write_token(self.api.token_for(1))
        expires = time.time() + 1
        self.wait_until_nothing_is_remembered_of(expires)
        self.api.stop()
        self.api.start()
        wait_for(lambda: "does not accept who we are (401" in self.said(), 90, "401")
        self.api.delete("web-1")
        token = self.api.token()
        self.write_token(token)
        self.wait_phase("web-1", "terminating", 120)
        self.stop(process)
        self.assertEqual(self.said().count("(401"), 1, self.said())
        self.assertNotIn(token, self.said())
        self.assertEqual(self.losses(), 0)

    def test_rights_that_are_taken_away_and_tokens_that_are_no_more(self):
        self.api.create("web-1", "10.99.0.5")
        process = self.watch_as_service_account()
        self.wait_phase("web-1", "ready")
        # The account is another by now: tokens of the first are worth nothing.
        self.api.ask("DELETE", "/api/v1/namespaces/default/serviceaccounts/drainsnoop")
        self.api.ask("POST", "/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "drainsnoop"}})
        self.api.stop()
        self.api.start()
        wait_for(lambda: "does not accept who we are (401" in self.said(), 90, "401")
        self.api.bind(False)
        token = self.api.token()
        self.write_token(token)
        wait_for(lambda: "is missing: pods is forbidden: User \"system:serviceaccount:default:drainsnoop\"" in self.said(),
                 90, "403")
        self.assertEqual(self.said().count("forbidden"), 1)
        self.assertNotIn(token, self.said())
        self.api.bind(True)
        self.api.delete("web-1")
        self.wait_phase("web-1", "terminating", 120)
        self.stop(process)


class WithoutCache(RealApi):
    """Watches go to etcd itself: what it has compacted is gone."""
    options = ("--watch-cache=false",)
    test_a_pods_life = test_a_restart_in_mid_watch_and_a_server_that_stands_still = None
    test_rights_that_are_taken_away_and_tokens_that_are_no_more = test_a_token_that_expires = None

    def test_what_etcd_has_compacted_is_listed_anew(self):
        for i in (1, 2, 3):
            self.api.create(f"web-{i}", f"10.99.0.{i}")
        process = self.watch_as_service_account()
        self.wait_phase("web-3", "ready")
        self.api.delete("web-1")
        self.wait_phase("web-1", "terminating")
        self.api.stop()
        # With drainsnoop away from it, a server of its own changes the past and forgets it.
        self.api.start()
        self.api.delete("web-1", gracePeriodSeconds=0)
        self.api.create("web-4", "10.99.0.4")
        self.api.compact()
        self.wait_phase("web-4", "ready", 90)
        self.wait_phase("web-1", "deleted", 90)
        self.stop(process)
        self.assertEqual(self.phases("web-2"), ["ready"])
        self.assertEqual(self.losses(), 0)


if __name__ == "__main__":
    unittest.main()
