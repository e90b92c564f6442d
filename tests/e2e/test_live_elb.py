# SPDX-License-Identifier: Apache-2.0
"""trace --elb against a fake AWS: whom it asks, when, what it tells of the answers, and when it ends."""

import time

import elb_run
from elb_run import address, pod, target
from test_live import wait_for


class Elb(elb_run.ElbRun):
    def anew(self):
        super().anew()
        self.group = self.aws.elb.add_group("web", delay=3)
        self.balancer = self.aws.elb.add_load_balancer("shop", ["10.99.200.1", "fd00:99::1"], [self.group])

    def ready(self, *numbers):
        for number in numbers:
            self.group.register(address(number), elb_run.PORT)
        self.append(*(pod(number) for number in numbers), *(target(self.group, number) for number in numbers))
        wait_for(lambda: self.names().count("drainsnoop.pod.state") >= len(numbers), 60, "the pods to be known")

    def test_without_elb_nobody_is_asked(self):
        self.begin()
        self.ready(1)
        self.append(pod(1, "terminating"))
        wait_for(lambda: self.names().count("drainsnoop.pod.phase") >= 1, 60, "the phase")
        time.sleep(3)
        self.stop()
        self.assertEqual(self.aws.asked(), [])

    def test_a_drain(self):
        self.begin("--elb")
        self.ready(1, 2)
        time.sleep(3)
        self.assertEqual(self.asked(), [], "asked for the health of targets while no pod goes")
        self.append(pod(1, "terminating"))
        self.wait_asked(2)
        lo, hi = self.assert_drain_is_found(self.group, 1)
        self.assertLess(hi - lo, 4 * 10**9)
        self.wait_told(1, "unused")
        count = len(self.asked())
        time.sleep(5)
        self.assertLessEqual(len(self.asked()), count + 1, "goes on asking for a target that is gone")
        for entry in self.asked():
            self.assertEqual((entry["signature"], entry["status"]), ("valid", 200))
            ids = [value for name, value in entry["params"].items() if name.endswith(".Id")]
            self.assertEqual(ids, [address(1)])
        self.assertEqual(self.told(2, "healthy"), [])
        self.assertEqual(self.stop()["drainsnoop.lost.events"], 0)
        self.assertEqual(self.said(), "")

    def test_one_request_for_all_targets_of_a_group(self):
        self.begin("--elb")
        numbers = range(1, 41)
        self.ready(*numbers)
        self.append(*(pod(number, "terminating") for number in numbers))
        wait_for(lambda: any(self.count_of(entry) == len(numbers) for entry in self.asked()), 60, "a request for all")
        since = time.time_ns()
        time.sleep(5)
        self.assertLessEqual(len(self.asked(since=since)), 7)
        self.assertEqual({self.count_of(entry) for entry in self.asked(since=since)}, {len(numbers)})
        self.stop()

    @staticmethod
    def count_of(entry):
        return sum(name.endswith(".Id") for name in entry["params"])

    def test_expired_credentials_are_fetched_anew(self):
        self.aws.metadata.container_token = None
        self.begin("--elb", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_SESSION_TOKEN="",
                   AWS_CONTAINER_CREDENTIALS_FULL_URI=self.url + "/v1/credentials")
        self.ready(1)
        self.append(pod(1, "terminating"))
        self.wait_asked(1)
        self.aws.keys.expire(self.aws.metadata.given[0])
        wait_for(lambda: len(self.aws.metadata.given) == 2, 60, "new credentials")
        wait_for(lambda: [entry for entry in self.asked() if entry["status"] == 200
                          and entry.get("key_id") == self.aws.metadata.given[1].key_id], 60, "an answer to them")
        self.assertEqual([entry["code"] for entry in self.asked(None) if "code" in entry], ["ExpiredToken"])
        self.stop()

    def test_a_group_in_which_pods_are_looked_for(self):
        self.begin("--elb", "--target-group", self.group.arn)
        self.group.register(address(1), elb_run.PORT)
        self.group.register(address(9), elb_run.PORT)   # of another node
        self.append(pod(1), pod(2))
        wait_for(lambda: self.names().count("drainsnoop.pod.state") >= 2, 60, "the pods to be known")
        self.append(pod(1, "terminating"), pod(2, "terminating"))
        self.wait_told(1, "healthy")
        self.assert_drain_is_found(self.group, 1)
        self.assertEqual([self.count_of(entry) for entry in self.asked()][0], 0, "the group is listed first")
        self.stop()
        self.assertEqual({line["drainsnoop.target.id"] for line in self.recorded("drainsnoop.target.state")}, {address(1)})

    def test_addresses_of_the_load_balancer(self):
        self.aws.ec2.others.append(("ELB app/other/0123", "10.99.200.7"))
        self.begin("--elb", "--target-group", self.group.arn, "--elb-addresses")
        wait_for(lambda: len(self.recorded("drainsnoop.load_balancer.address")) >= 2, 60, "the addresses: " + self.said())
        self.stop()
        self.assertEqual({line["drainsnoop.address"] for line in self.recorded("drainsnoop.load_balancer.address")},
                         set(self.balancer.addresses))
        self.assertEqual(self.asked("DescribeNetworkInterfaces")[0]["params"]["Filter.1.Value.1"], self.balancer.description)

    def test_the_clock_of_aws_moves_no_bound(self):
        self.ahead = 120
        self.begin("--elb")
        self.ready(1)
        self.append(pod(1, "terminating"))
        self.wait_asked(2)
        self.assert_drain_is_found(self.group, 1)
        self.stop()
        self.assertRegex(self.said(), "clock.* differ by -1(19|20|21) s")

    def test_a_clock_that_is_too_wrong_to_be_let_in(self):
        self.ahead = -400
        self.begin("--elb")
        self.ready(1)
        self.append(pod(1, "terminating"))
        wait_for(lambda: "clock" in self.said(), 60, "a message")
        self.stop()
        self.assertEqual({entry["code"] for entry in self.asked(None)}, {"SignatureDoesNotMatch"})
