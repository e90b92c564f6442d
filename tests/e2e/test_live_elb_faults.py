# SPDX-License-Identifier: Apache-2.0
"""trace --elb while AWS answers badly, or not at all: one clear message for each, the tracer goes on, nothing is lost."""

import subprocess
import time

import elb_run
from elb_run import address, pod, target
from test_live import BINARY, wait_for

ELSEWHERE = "http://127.0.0.1:1/"
# Each kind of fault is said once in a run, so a run meets one of each kind: fault, what it is made of, a word of its
# message.
ROUNDS = (
    (("cut", {}, "shorter"), ("garbage", {}, "no well-formed XML"), ("html", {}, "503"), ("redirect", {"url": ELSEWHERE}, "302")),
    (("reset", {}, "connection broke"), ("malformed", {}, "no well-formed XML"),
     ("error", {"status": 500, "code": "InternalFailure", "message": "Try\r\n\u009b31m again"}, "InternalFailure")),
    (("no_http", {}, "HTTP"), ("deep", {}, "XML")),
    (("huge", {"number": 10}, "longer than"), ("bomb", {}, "document type")),
    (("endless", {}, "longer than"), ("outside", {}, "document type")),
    (("empty", {}, "connection"), ("quadratic", {}, "document type")),
)


class Faults(elb_run.ElbRun):
    def anew(self):
        super().anew()
        self.aws.keep_alive = False     # what breaks on a kept connection is asked once more, silently
        self.group = self.aws.elb.add_group("web", delay=300)

    def drain(self):
        """A pod whose target is asked for from here on."""
        self.group.register(address(1), elb_run.PORT)
        self.append(pod(1), target(self.group, 1))
        wait_for(lambda: "drainsnoop.target.state" in self.names(), 60, "the target to be known")
        self.append(pod(1, "terminating"))

    def goes_on(self):
        """Events are read, AWS's answers are too, and the drain that happens now lies inside its interval."""
        self.append(pod(2))
        wait_for(lambda: any(line.get("k8s.pod.name") == "web-2" for line in self.lines()), 60, "another pod")
        begin = time.time_ns()
        wait_for(lambda: [entry for entry in self.asked(since=begin) if "fault" not in entry and entry["status"] == 200],
                 90, "good answers again: " + self.said())
        self.assert_drain_is_found(self.group, 1, 90)
        end = self.stop()
        done = subprocess.run([BINARY, "replay", "-o", "json", self.recording], capture_output=True, timeout=60, check=True)
        with open(self.output, "rb") as file:
            self.assertEqual(done.stdout, file.read())
        return end

    def message(self, word):
        """The line of standard error with that word; there is one, and nothing in it harms a terminal."""
        wait_for(lambda: word in self.said(), 60, f"{word!r} in what is said: {self.said()}")
        lines = [line for line in self.said().split("\n") if word in line]
        self.assertEqual(len(lines), 1, self.said())
        self.assertTrue(lines[0].isprintable(), lines[0])
        self.assertLess(len(lines[0]), 600)
        return lines[0]

    def test_broken_replies(self):
        for faults in ROUNDS:
            with self.subTest(faults):
                self.anew()
                self.begin("--elb", "--elb-interval", "300ms")
                self.drain()
                self.wait_asked(2)
                for fault in faults:
                    self.broken(*fault)
                self.assertLess(self.memory(), 200 << 20)
                self.assertEqual(self.goes_on()["drainsnoop.poll.failed"], len(faults))

    def broken(self, kind, how, word):
        """One reply is broken: one line says so, and the next one is good again."""
        said, since = self.said(), time.time_ns()
        fault = self.aws.faults.add(kind, action="DescribeTargetHealth", times=1, **how)
        wait_for(lambda: fault.met, 60, "a request")
        wait_for(lambda: len(self.said()) > len(said), 60, f"a message about {kind}")
        wait_for(lambda: [entry for entry in self.asked(since=since) if "fault" not in entry], 60, "the next request")
        new = self.said()[len(said):].splitlines()
        self.assertEqual(len(new), 1, new)
        self.assertIn(word, new[0], kind)
        self.assertTrue(new[0].isprintable(), new[0])

    def memory(self):
        """The most that the process had resident, bytes."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))

    def test_the_same_fault_again_and_again_is_said_once(self):
        self.begin("--elb")
        self.drain()
        fault = self.aws.faults.add("garbage", action="DescribeTargetHealth", times=3)
        wait_for(lambda: fault.met == 3, 120, "three requests")
        self.message("cannot be used")
        self.goes_on()

    def test_wrong_signature(self):
        self.begin("--elb", AWS_SECRET_ACCESS_KEY=self.key.secret[:-1])
        self.drain()
        self.wait_asked(1)
        self.message("SignatureDoesNotMatch")
        self.append(pod(2))
        wait_for(lambda: any(line.get("k8s.pod.name") == "web-2" for line in self.lines()), 60, "another pod")
        self.stop()
        self.assertEqual({entry["code"] for entry in self.asked()}, {"SignatureDoesNotMatch"})

    def test_expired_token(self):
        self.begin("--elb")
        self.aws.keys.expire(self.key)
        self.drain()
        self.wait_asked(1)
        self.message("ExpiredToken")
        self.key.expires = time.time() + 3600
        self.goes_on()

    def test_access_denied(self):
        self.begin("--elb")
        self.key.may = ("elasticloadbalancing:DescribeTargetGroups",)
        self.drain()
        self.wait_asked(1)
        self.assertIn("elasticloadbalancing:DescribeTargetHealth", self.message("is not permitted"))
        time.sleep(5)
        self.assertLessEqual(len(self.asked()), 2, "asks on what it may not")
        self.stop()

    def test_no_such_host(self):
        self.begin("--elb", AWS_ENDPOINT_URL="http://elb.no-such-host.invalid")
        self.drain()
        self.message("no-such-host.invalid")
        self.append(pod(2))
        wait_for(lambda: any(line.get("k8s.pod.name") == "web-2" for line in self.lines()), 60, "another pod")
        self.stop()

    def test_connection_refused_until_somebody_listens(self):
        port = int(self.url.rpartition(":")[2]) ^ 1
        self.begin("--elb", AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}")
        self.drain()
        self.message(f"127.0.0.1:{port}")
        self.aws.listen(port=port, netns=f"/run/netns/{self.netns}")
        self.goes_on()

    def test_no_answer(self):
        self.begin("--elb")
        self.drain()
        self.wait_asked(1)
        self.aws.faults.add("stall", action="DescribeTargetHealth", times=1)
        self.message("DescribeTargetHealth")
        self.goes_on()

    def test_no_credentials(self):
        self.begin("--elb", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_SESSION_TOKEN="")
        self.drain()
        self.message("no AWS credentials")
        self.append(pod(2))
        wait_for(lambda: any(line.get("k8s.pod.name") == "web-2" for line in self.lines()), 60, "another pod")
        self.stop()
        self.assertEqual(self.asked(None), [])
