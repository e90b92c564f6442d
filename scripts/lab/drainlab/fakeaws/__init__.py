# SPDX-License-Identifier: Apache-2.0
"""A fake AWS for laboratory and tests, by the standard library: Elastic Load Balancing (query protocol), the part
of EC2 and STS that drainsnoop needs, container credentials (ECS, EKS Pod Identity) and IMDSv2.

    with FakeAws(log="asked.jsonl") as aws:
        url = aws.listen("127.0.0.1")
        group = aws.elb.add_group("web", delay=6)
        key = aws.keys.issue()
        group.register("10.0.1.5", 8080)
        group.deregister("10.0.1.5", 8080)
        aws.faults.add("cut", action="DescribeTargetHealth", times=1)
        aws.asked("DescribeTargetHealth")       # what was asked, with times, signature's verdict, answer

It refuses what AWS refuses (signature, clock, expired token, unknown parameter), answers in AWS's XML, and
writes down everything that it was asked, one JSON line each.

    sigv4_verify.py  the signature, verified independently of who made it
    timeline.py      a target's states over time, as readers see them
    elbv2.py ec2.py sts.py metadata.py   the services
    query.py         forms in, XML out, errors
    keys.py          access keys that expire
    throttle.py      the token bucket
    faults.py        what breaks a reply
    server.py        HTTP, the log, who answers what
"""

from .server import FakeAws

__all__ = ["FakeAws"]
