# SPDX-License-Identifier: Apache-2.0
"""The laboratory's fake AWS set against boto3: what boto3 sends is accepted, what is answered boto3 understands, and
what botocore signs the verifier takes. Runs in the environment that tests/venv makes (tests/e2e/oracles)."""

import os
import random
import string
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

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))

from drainlab.fakeaws import FakeAws, sigv4_verify     # noqa: E402

ROLE = "arn:aws:iam::123456789012:role/drainsnoop"
ONCE = Config(retries={"total_max_attempts": 1}, parameter_validation=True)
NOTHING = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}


def client(aws, url, service, key):
    return boto3.client(service, region_name=aws.region, endpoint_url=url, config=ONCE, aws_access_key_id=key.key_id,
                        aws_secret_access_key=key.secret, aws_session_token=key.token)


class Boto(unittest.TestCase):
    def setUp(self):
        self.aws = FakeAws()
        self.addCleanup(self.aws.close)
        self.url = self.aws.listen()
        self.group = self.aws.elb.add_group("web", delay=30, port=8080, attributes={"preserve_client_ip.enabled": "true"})
        self.balancer = self.aws.elb.add_load_balancer("shop", ["10.0.0.9", "fd00::9"], [self.group])
        self.key = self.aws.keys.issue(lifetime=900)
        self.elb = client(self.aws, self.url, "elbv2", self.key)

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
        ask = {"TargetGroupArn": self.group.arn[:-1] + "0"}
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


if __name__ == "__main__":
    unittest.main()
