# SPDX-License-Identifier: Apache-2.0
"""The wire form of AWS, by boto3 and moto. The laboratory's fake AWS against boto3: what boto3 sends is accepted, what is
answered boto3 understands, what botocore signs the verifier takes. drainsnoop against both: the same call has the same
fields as boto3's and is accepted; and it reads what moto_server answers. Runs in the environment that tests/venv makes
(tests/e2e/oracles)."""

import json
import logging
import os
import random
import string
import subprocess
import sys
import unittest
import urllib.parse
from unittest import mock

import boto3
import botocore
import botocore.session
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))

from drainlab.fakeaws import FakeAws, sigv4_verify     # noqa: E402

PROGRAM = "build/tests/e2e/elb-call"
ROLE = "arn:aws:iam::123456789012:role/drainsnoop"
ONCE = Config(retries={"total_max_attempts": 1}, parameter_validation=True)
NOTHING = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}


def client(aws, url, service, key):
    return boto3.client(service, region_name=aws.region, endpoint_url=url, config=ONCE, aws_access_key_id=key.key_id,
                        aws_secret_access_key=key.secret, aws_session_token=key.token)


def setUpModule():
    subprocess.run(["make", "-s", "-C", ROOT, PROGRAM], check=True)


def product(url, region, environment, *words):
    """What drainsnoop's own code makes of the answer to one question."""
    done = subprocess.run([os.path.join(ROOT, PROGRAM), url, region, *words], capture_output=True, text=True, timeout=60,
                          check=True, env={"PATH": os.environ["PATH"], **environment})
    return json.loads(done.stdout)


class Account(unittest.TestCase):
    """A fake account with a group, a load balancer and a key."""

    def setUp(self):
        self.aws = FakeAws()
        self.addCleanup(self.aws.close)
        self.url = self.aws.listen()
        self.group = self.aws.elb.add_group("web", delay=30, port=8080, attributes={"preserve_client_ip.enabled": "true"})
        self.balancer = self.aws.elb.add_load_balancer("shop", ["10.0.0.9", "fd00::9"], [self.group])
        self.key = self.aws.keys.issue(lifetime=900)
        self.elb = client(self.aws, self.url, "elbv2", self.key)


class Boto(Account):
    """The fake and boto3."""

    def health(self, **targets):
        answer = self.elb.describe_target_health(TargetGroupArn=self.group.arn, **targets)
        return [(one["Target"]["Id"], one["Target"]["Port"], one["TargetHealth"]["State"],
                 one["TargetHealth"].get("Reason")) for one in answer["TargetHealthDescriptions"]]

    def code(self, call, **how):
        with self.assertRaises(ClientError) as caught:
            call(**how)
        error = caught.exception.response
        return error["ResponseMetadata"]["HTTPStatusCode"], error["Error"]["Code"]

    def test_targets(self):
        targets = [{"Id": "10.0.1.5", "Port": 8080}, {"Id": "fd00::5"}]
        self.elb.register_targets(TargetGroupArn=self.group.arn, Targets=targets)
        self.assertEqual(self.health(), [("10.0.1.5", 8080, "healthy", None), ("fd00::5", 8080, "healthy", None)])
        self.elb.deregister_targets(TargetGroupArn=self.group.arn, Targets=targets[:1])
        self.assertEqual(self.health(Targets=[{"Id": "10.0.1.5", "Port": 8080}, {"Id": "10.0.1.6", "Port": 1}]), [
            ("10.0.1.5", 8080, "draining", "Target.DeregistrationInProgress"),
            ("10.0.1.6", 1, "unused", "Target.NotRegistered")])
        self.assertTrue(all(entry["signature"] == "valid" for entry in self.aws.asked()))

    def test_groups_and_balancers(self):
        group = self.elb.describe_target_groups(TargetGroupArns=[self.group.arn])["TargetGroups"][0]
        self.assertEqual((group["TargetGroupName"], group["TargetType"], group["HealthCheckPort"], group["LoadBalancerArns"]),
                         ("web", "ip", "traffic-port", [self.balancer.arn]))
        found = self.elb.describe_target_group_attributes(TargetGroupArn=self.group.arn)["Attributes"]
        self.assertEqual({one["Key"]: one["Value"] for one in found}, {
            "deregistration_delay.timeout_seconds": "30", "preserve_client_ip.enabled": "true"})
        balancer = self.elb.describe_load_balancers(LoadBalancerArns=[self.balancer.arn])["LoadBalancers"][0]
        self.assertEqual((balancer["LoadBalancerName"], balancer["Type"]), ("shop", "application"))
        for number in range(5):
            self.aws.elb.add_group(f"more-{number}")
        pages = self.elb.get_paginator("describe_target_groups").paginate(PaginationConfig={"PageSize": 4})
        self.assertEqual([len(page["TargetGroups"]) for page in pages], [4, 2])

    def test_interfaces(self):
        self.aws.ec2.others.append(("aws-K8S-i-0123", "10.0.0.77"))
        ec2 = client(self.aws, self.url, "ec2", self.key)
        found = ec2.describe_network_interfaces(Filters=[{"Name": "description", "Values": [self.balancer.description]}])
        self.assertEqual([one.get("PrivateIpAddress") or one["Ipv6Addresses"][0]["Ipv6Address"]
                          for one in found["NetworkInterfaces"]], ["10.0.0.9", "fd00::9"])
        self.assertEqual(len(ec2.describe_network_interfaces()["NetworkInterfaces"]), 3)
        self.assertEqual(self.code(ec2.describe_network_interfaces, Filters=[{"Name": "no-such", "Values": ["x"]}]),
                         (400, "InvalidParameterValue"))

    def test_errors(self):
        ask = {"TargetGroupArn": self.group.arn[:-1] + "x"}
        with self.assertRaises(self.elb.exceptions.TargetGroupNotFoundException):
            self.elb.describe_target_health(**ask)
        ask = {"TargetGroupArn": self.group.arn}
        self.aws.throttle.limit(rate=0.001, burst=0)
        self.assertEqual(self.code(self.elb.describe_target_health, **ask), (400, "Throttling"))
        self.aws.throttle.lift()
        self.aws.faults.add("error", status=500, code="HealthUnavailable", message="m", times=1)
        with self.assertRaises(self.elb.exceptions.HealthUnavailableException):
            self.elb.describe_target_health(**ask)
        self.key.may = ("ec2:DescribeNetworkInterfaces",)
        self.assertEqual(self.code(self.elb.describe_target_health, **ask), (403, "AccessDenied"))
        self.aws.keys.expire(self.key)
        self.assertEqual(self.code(self.elb.describe_target_health, **ask), (403, "ExpiredToken"))
        self.assertEqual(self.code(client(self.aws, self.url, "ec2", self.key).describe_network_interfaces),
                         (403, "ExpiredToken"))
        self.key.secret += "x"      # what is signed is no longer what is known
        self.assertEqual(self.code(self.elb.describe_target_health, **ask), (403, "SignatureDoesNotMatch"))

    def test_botocore_signs_and_the_verifier_agrees(self):
        pick = random.Random(7)
        odd = string.ascii_letters + string.digits + "-_.~ /+=&%!*'();:@$,?#[]\u00e9\u1234"

        def text(most):
            return "".join(pick.choices(odd, k=pick.randint(1, most)))

        for number in range(300):
            token = pick.choice((None, text(200).encode("ascii", "ignore").decode().strip() or "t"))
            body = text(300).encode() if pick.random() < 0.7 else b""
            path = "/" + "".join(pick.choices(string.ascii_letters + "/-_.~", k=pick.randint(0, 12)))
            query = urllib.parse.urlencode([(text(8), text(8)) for _ in range(pick.randint(0, 4))],
                                           quote_via=urllib.parse.quote, safe="")
            url = f"http://127.0.0.1:80{path}?{query}".removesuffix("?")
            request = AWSRequest(pick.choice(("GET", "POST")), url, data=body,
                                 headers={"Content-Type": "text/plain;  charset=utf-8", "X-Amz-Thing": "  a   b "})
            SigV4Auth(Credentials("AKIDEXAMPLE", "se/cr+et", token), "elasticloadbalancing", "eu-central-1").add_auth(request)
            sent = request.prepare()
            target = sent.url.partition("127.0.0.1:80")[2]
            path, _, query = target.partition("?")
            headers = [(name, value.decode() if isinstance(value, bytes) else value) for name, value in sent.headers.items()]
            wire = sigv4_verify.Request(sent.method, path, query, [("Host", "127.0.0.1"), *headers], body)
            now = sigv4_verify.parse_stamp(wire.header("x-amz-date"))
            with self.subTest(number, target=target):
                sigv4_verify.verify(wire, lambda key, t=token: ("se/cr+et", t), now, "elasticloadbalancing", "eu-central-1")
                wire.body += b"."
                with self.assertRaises(sigv4_verify.Refused):
                    sigv4_verify.verify(wire, lambda key, t=token: ("se/cr+et", t), now)

    def session(self, **environment):
        """botocore's own credentials with that environment and nothing else."""
        with mock.patch.dict(os.environ, {**NOTHING, "AWS_DEFAULT_REGION": self.aws.region, **environment}, clear=True):
            return botocore.session.Session().get_credentials().get_frozen_credentials()

    def test_instance_metadata(self):
        found = self.session(AWS_EC2_METADATA_DISABLED="false", AWS_EC2_METADATA_SERVICE_ENDPOINT=self.url)
        self.assertEqual(found.access_key, self.aws.metadata.given[-1].key_id)
        self.assertEqual(found.token, self.aws.metadata.given[-1].token)

    def test_container_credentials(self):
        self.aws.metadata.container_token = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"
        found = self.session(AWS_CONTAINER_CREDENTIALS_FULL_URI=self.url + "/v1/credentials",
                             AWS_CONTAINER_AUTHORIZATION_TOKEN=self.aws.metadata.container_token)
        self.assertEqual(found.secret_key, self.aws.metadata.given[-1].secret)

    def test_web_identity(self):
        self.aws.sts.allow("eyJhbGciOiJSUzI1NiJ9.e30.c2ln", ROLE)
        sts = boto3.client("sts", region_name=self.aws.region, endpoint_url=self.url,
                           config=ONCE.merge(Config(signature_version=botocore.UNSIGNED)))
        ask = {"RoleArn": ROLE, "RoleSessionName": "drainsnoop", "WebIdentityToken": "eyJhbGciOiJSUzI1NiJ9.e30.c2ln"}
        found = sts.assume_role_with_web_identity(**ask)["Credentials"]
        self.assertEqual(found["SecretAccessKey"], self.aws.sts.given[0].secret)
        self.assertNotIn("authorization", self.aws.asked()[0]["headers"])
        self.aws.sts.expire(ask["WebIdentityToken"])
        self.assertEqual(self.code(sts.assume_role_with_web_identity, **ask), (400, "ExpiredTokenException"))
        ask["WebIdentityToken"] += "x"
        with self.assertRaises(sts.exceptions.InvalidIdentityTokenException):
            sts.assume_role_with_web_identity(**ask)


class Product(Account):
    """drainsnoop, the fake and boto3: the same question, put by both."""

    def ask(self, *words, **environment):
        return product(self.url, self.aws.region, {**self.key.environment(), **environment}, *words)

    def same(self, call, how, *words, **environment):
        """drainsnoop's answer, after boto3 has put the same question in the same words."""
        since = len(self.aws.asked())
        call(**how)
        said = self.ask(*words, **environment)
        theirs, ours = self.aws.asked()[since:]
        self.assertEqual((ours.get("signature"), theirs["signature"]), ("valid", "valid"), said)
        self.assertEqual(ours["params"], theirs["params"])
        for name in ("method", "path", "query", "service", "content_type", "signed", "status", "key_id"):
            self.assertEqual(ours[name], theirs[name], name)
        self.assertEqual((said["fault"], said["unread"], said["status"]), (None, None, 200))
        return said

    def test_target_health(self):
        targets = [{"Id": "10.0.1.5", "Port": 8080}, {"Id": "10.0.1.5", "Port": 9090}, {"Id": "fd00::5", "Port": 8080},
                   {"Id": "10.0.1.9", "Port": 8080}]
        self.elb.register_targets(TargetGroupArn=self.group.arn, Targets=targets[:3])
        self.elb.deregister_targets(TargetGroupArn=self.group.arn, Targets=targets[1:2])
        listed = self.same(self.elb.describe_target_health, {"TargetGroupArn": self.group.arn}, "health", self.group.arn)
        shown = [{"id": "10.0.1.5", "port": 8080, "check_port": 8080, "state": "healthy", "reason": ""},
                 {"id": "10.0.1.5", "port": 9090, "check_port": 9090, "state": "draining",
                  "reason": "Target.DeregistrationInProgress"},
                 {"id": "fd00::5", "port": 8080, "check_port": 8080, "state": "healthy", "reason": ""}]
        self.assertEqual(listed["targets"], shown)
        words = [word for target in targets for word in (target["Id"], str(target["Port"]))]
        asked = self.same(self.elb.describe_target_health, {"TargetGroupArn": self.group.arn, "Targets": targets},
                          "health", self.group.arn, *words)
        self.assertEqual(asked["targets"], shown + [{"id": "10.0.1.9", "port": 8080, "check_port": 0, "state": "unused",
                                                     "reason": "Target.NotRegistered"}])

    def test_every_state(self):
        states = ("initial", "healthy", "unhealthy", "unhealthy.draining", "unused", "draining", "unavailable")
        for number, state in enumerate(states, 1):
            self.group.script(f"10.0.1.{number}", 80, [(-1, state)])
        said = self.same(self.elb.describe_target_health, {"TargetGroupArn": self.group.arn}, "health", self.group.arn)
        self.assertEqual([one["state"] for one in said["targets"]], list(states))

    def test_groups(self):
        found = self.same(self.elb.describe_target_groups, {"TargetGroupArns": [self.group.arn]}, "groups", self.group.arn)
        self.assertEqual(found["groups"], [{
            "arn": self.group.arn, "name": "web", "type": "ip", "check_port": "traffic-port", "check_interval_s": 30,
            "balancer_arn": self.balancer.arn}])
        found = self.same(self.elb.describe_target_group_attributes, {"TargetGroupArn": self.group.arn},
                          "attributes", self.group.arn)
        self.assertEqual(found["attributes"], {"deregistration_delay.timeout_seconds": "30",
                                               "preserve_client_ip.enabled": "true"})

    def test_balancers_and_their_addresses(self):
        found = self.same(self.elb.describe_load_balancers, {"LoadBalancerArns": [self.balancer.arn]},
                          "balancers", self.balancer.arn)
        self.assertEqual(found["balancers"], [{"arn": self.balancer.arn, "name": "shop", "type": "application"}])
        self.aws.ec2.others.append(("aws-K8S-i-0123", "10.0.0.77"))
        ec2 = client(self.aws, self.url, "ec2", self.key)
        wanted = [self.balancer.description, "ELB net/other/0"]
        found = self.same(ec2.describe_network_interfaces, {
            "Filters": [{"Name": "description", "Values": wanted}], "MaxResults": 1000}, "interfaces", *wanted)
        self.assertEqual([(one["address"], one["description"]) for one in found["addresses"]],
                         [("10.0.0.9", wanted[0]), ("fd00::9", wanted[0])])

    def test_pages(self):
        groups = [self.group.arn, *(self.aws.elb.add_group(f"more-{number}").arn for number in range(5))]
        found = self.ask("groups", *groups)
        self.assertEqual(([one["arn"] for one in found["groups"]], found["marker"]), (groups, None))
        how = {"TargetGroupArns": groups, "Marker": groups[2]}
        found = self.same(self.elb.describe_target_groups, how, "groups", *groups, MARKER=groups[2])
        self.assertEqual([one["arn"] for one in found["groups"]], groups[2:])

    def test_errors_are_understood(self):
        def error(*words, **environment):
            said = self.ask("health", *words or [self.group.arn], **environment)
            return said["status"], said["code"], said["error"]

        kinds = {"TargetGroupNotFound": error(self.group.arn[:-1])}
        self.aws.throttle.limit(rate=0.001, burst=0, retry_after="seconds", seconds=3)
        kinds["Throttling"] = error()
        self.assertEqual(self.ask("health", self.group.arn)["retry_after_ns"], 3 * 10**9)
        self.aws.throttle.lift()
        self.key.may = ()
        kinds["AccessDenied"] = error()
        kinds["SignatureDoesNotMatch"] = error(AWS_SECRET_ACCESS_KEY=self.key.secret[:-1])
        self.key.may = None
        self.aws.faults.add("error", status=503, code="ServiceUnavailable", message="m", times=1)
        kinds["ServiceUnavailable"] = error()
        self.aws.keys.expire(self.key)
        kinds["ExpiredToken"] = error()
        self.assertEqual({code: found[1] for code, found in kinds.items()}, {code: code for code in kinds})
        self.assertEqual(len({found[2] for found in kinds.values()} - {0}), len(kinds), kinds)     # all different

    def test_every_region_and_token_is_signed_right(self):
        for region in ("us-east-1", "cn-north-1", "us-gov-west-1", "eu-isoe-west-1"):
            with FakeAws(region=region) as aws:
                url, group = aws.listen(), aws.elb.add_group("web")
                for lifetime in (None, 900):
                    found = product(url, region, aws.keys.issue(lifetime).environment(), "health", group.arn)
                    self.assertEqual((found["status"], aws.asked()[-1]["signature"]), (200, "valid"))


class Moto(unittest.TestCase):
    """drainsnoop reads what a real moto_server answers. moto models no draining and does not check signatures."""

    @classmethod
    def setUpClass(cls):
        logging.getLogger("werkzeug").setLevel(logging.ERROR)    # a line for each request
        cls.server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
        cls.server.start()
        cls.addClassCleanup(cls.server.stop)
        cls.url = "http://{}:{}".format(*cls.server.get_host_and_port())

    def client(self, service):
        return boto3.client(service, region_name="eu-central-1", endpoint_url=self.url, config=ONCE,
                            aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret")

    def ask(self, *words):
        return product(self.url, "eu-central-1", {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"},
                       *words)

    def setUp(self):
        elb, ec2 = self.client("elbv2"), self.client("ec2")
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        subnets = [ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{n}.0/24", AvailabilityZone="eu-central-1" + "ab"[n])
                   ["Subnet"]["SubnetId"] for n in range(2)]
        name = self.id().rpartition("_")[2]     # each test has its own
        self.balancer = elb.create_load_balancer(Name=name, Subnets=subnets)["LoadBalancers"][0]
        self.group = elb.create_target_group(Name=name, Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip",
                                             HealthCheckPort="9090")["TargetGroups"][0]["TargetGroupArn"]
        elb.create_listener(LoadBalancerArn=self.balancer["LoadBalancerArn"], Port=80, Protocol="HTTP", DefaultActions=[
            {"Type": "forward", "TargetGroupArn": self.group}])
        elb.register_targets(TargetGroupArn=self.group, Targets=[{"Id": "10.0.0.5", "Port": 8080},
                                                                 {"Id": "10.0.0.6", "Port": 8080}])
        self.elb = elb

    def test_health(self):
        listed = self.ask("health", self.group)
        self.assertEqual([(one["id"], one["port"], one["state"]) for one in listed["targets"]],
                         [("10.0.0.5", 8080, "healthy"), ("10.0.0.6", 8080, "healthy")])
        self.elb.deregister_targets(TargetGroupArn=self.group, Targets=[{"Id": "10.0.0.5", "Port": 8080}])
        found = self.ask("health", self.group, "10.0.0.5", "8080")["targets"][0]
        self.assertEqual((found["state"], found["reason"]), ("unused", "Target.NotRegistered"))

    def test_groups(self):
        found = self.ask("groups", self.group)["groups"]
        self.assertEqual([(one["arn"], one["type"], one["check_port"], one["balancer_arn"]) for one in found],
                         [(self.group, "ip", "9090", self.balancer["LoadBalancerArn"])])
        found = self.ask("attributes", self.group)["attributes"]
        self.assertEqual(found["deregistration_delay.timeout_seconds"], "300")

    def test_balancers(self):
        found = self.ask("balancers", self.balancer["LoadBalancerArn"])["balancers"]
        self.assertEqual([(one["name"], one["type"]) for one in found], [(self.balancer["LoadBalancerName"], "application")])

    def test_interfaces(self):
        made = self.client("ec2").create_network_interface(
            SubnetId=self.client("ec2").describe_subnets()["Subnets"][0]["SubnetId"], Description="ELB app/shop/0123")
        found = self.ask("interfaces", "ELB app/shop/0123")["addresses"]
        self.assertEqual([one["address"] for one in found], [made["NetworkInterface"]["PrivateIpAddress"]])

    def test_error(self):
        found = self.ask("health", self.group[:-1] + "x")
        self.assertEqual((found["status"], found["code"]), (400, "TargetGroupNotFound"))


if __name__ == "__main__":
    unittest.main()
