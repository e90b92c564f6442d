# SPDX-License-Identifier: Apache-2.0
"""The AWS account of a run: a fake AWS that answers in the node's namespace alone, at `address`, where drainsnoop
asks it with credentials from its environment. The laboratory's target group does there what it does (loadbalancer.py)."""

import os

from .fakeaws import FakeAws

LAGS = (0.1, 0.5, 0.3)      # s, how far behind the API's replicas are, which readers meet in turn
RATE, BURST = 10, 40        # of an account's describing calls, as AWS documents them


class Account:
    options = ("--elb",)    # of drainsnoop

    def __init__(self, lab, region, address="127.0.0.1"):
        self.lab = lab
        self.fake = FakeAws(os.path.join(lab.folder, "aws.jsonl"), region)
        self.fake.throttle.limit(RATE, BURST)
        self.url = self.fake.listen(address, netns=lab.network.node.path)
        self.key = self.fake.keys.issue(lifetime=3600)
        self.group = None

    def environment(self):
        """What drainsnoop has beside the environment of the laboratory."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_EC2_METADATA_DISABLED": "true", **self.key.environment()}

    def serve(self, group, plane):
        """The account has this target group, and a load balancer before it."""
        self.group = self.fake.elb.add_group(
            group.name, group.arn, delay=group.delay, port=group.port, target_type=group.target_type,
            check_port=group.health_port,
            check_interval=group.health_interval, lags=LAGS,
            attributes={"preserve_client_ip.enabled": str(group.preserves_client).lower()})
        self.fake.elb.add_load_balancer("shop", plane.addresses, [self.group], plane.type)

    def register(self, target, port, initial=0.0):
        """target: its address, or its instance."""
        self.group.register(target, port, initial)

    def deregister(self, target, port):
        self.group.deregister(target, port)

    def end(self):
        self.fake.close()
