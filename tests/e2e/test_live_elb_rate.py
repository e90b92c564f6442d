# SPDX-License-Identifier: Apache-2.0
"""trace --elb with 1,000 targets that drain in 20 groups: how often AWS is asked, what throttling does, and what the
counters say of it. Half a minute in place of five."""

import time

import elb_run
from elb_run import address, pod, target
from test_live import wait_for

GROUPS, TARGETS = 20, 1000
RATE = 5            # --elb-rate
SECONDS = 15        # of each part
SECOND = 10**9


class Rate(elb_run.ElbRun):
    def setUp(self):
        super().setUp()
        self.groups = [self.aws.elb.add_group(f"web-{number}", delay=300) for number in range(GROUPS)]

    def group(self, number):
        return self.groups[number % GROUPS]

    def going(self):
        """All pods are there, are targets, and begin to go."""
        for number in range(TARGETS):
            self.group(number).register(address(number), elb_run.PORT)
        self.append(*(pod(number) for number in range(TARGETS)))
        self.append(*(target(self.group(number), number) for number in range(TARGETS)))
        wait_for(lambda: self.names().count("drainsnoop.target.state") >= TARGETS, 60, "the targets to be known")
        self.append(*(pod(number, "terminating") for number in range(TARGETS)))

    @staticmethod
    def most_in(seconds, entries):
        """How many came in the fullest time of that length, wherever it begins."""
        times = sorted(entry["at_ns"] for entry in entries)
        return max((sum(at < begin + seconds * SECOND for at in times[i:]) for i, begin in enumerate(times)), default=0)

    def test_rate_and_throttling(self):
        self.begin("--elb", "--elb-rate", str(RATE))
        self.going()
        begin = self.wait_asked(1)[0]["at_ns"]

        wait_for(lambda: time.time_ns() > begin + SECONDS * SECOND, 120, "the first part")
        free = self.aws.asked()
        # They leave in equal distances; a late one arrives close to the one behind it.
        self.assertLessEqual(self.most_in(1, free), RATE + 1)
        self.assertLessEqual(self.most_in(5, free), 5 * RATE + 1)
        self.assertLessEqual(len(free), RATE * SECONDS + 2)
        self.assertGreaterEqual(len(free), RATE * SECONDS * 2 // 3, "it asks far less often than it may")
        health = self.asked()
        self.assertEqual({entry["params"]["TargetGroupArn"] for entry in health}, {group.arn for group in self.groups})
        asked = {value for entry in health for name, value in entry["params"].items() if name.endswith(".Id")}
        self.assertEqual(len(asked), TARGETS)
        self.assertEqual([entry["code"] for entry in free if entry["status"] != 200], [])

        self.aws.throttle.limit(rate=0.5, burst=1, retry_after="seconds", seconds=2)
        begin = time.time_ns()
        wait_for(lambda: time.time_ns() > begin + SECONDS * SECOND, 120, "the second part")
        entries = self.aws.asked(since=begin)
        throttled = [entry for entry in entries if entry.get("code") == "Throttling"]
        self.assertTrue(throttled, "nothing was throttled: the test shows nothing")
        for entry in throttled:
            soon = [other for other in entries if entry["at_ns"] + SECOND // 5 < other["at_ns"] < entry["at_ns"] + 19 * SECOND // 10]
            self.assertEqual(soon, [], "asked before Retry-After had passed")
        self.assertLessEqual(len(throttled), SECONDS / 2 + 1)

        print(f"{TARGETS} targets, {GROUPS} groups, {SECONDS} s each: {len(free)} requests, {self.most_in(1, free)} in "
              f"the fullest second (--elb-rate {RATE}); throttled {len(throttled)} of {len(entries)}")

        self.aws.throttle.lift()
        for number in range(TARGETS):
            self.group(number).deregister(address(number), elb_run.PORT)
        wait_for(lambda: sum(bool(self.draining(line)) for line in self.lines()) >= TARGETS, 120, "all drains to be told")
        end = self.stop()
        self.assertEqual(end["drainsnoop.poll.requests"], len(self.aws.asked()))
        self.assertEqual(end["drainsnoop.poll.throttled"],
                         sum(entry.get("code") == "Throttling" for entry in self.aws.asked()))
        self.assertEqual(end["drainsnoop.lost.events"], 0)

    @staticmethod
    def draining(line):
        return line["event.name"] == "drainsnoop.target.state" and line["drainsnoop.target.state"] == "draining"
