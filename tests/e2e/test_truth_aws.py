# SPDX-License-Identifier: Apache-2.0
"""The laboratory's fake AWS itself: its verifier of signatures against published examples, its time lines, what it
refuses, and how it breaks replies. tests/e2e/test_oracle_aws.py sets it against boto3."""

import http.client
import json
import os
import sys
import tempfile
import time
import unittest
import urllib.parse
import xml.etree.ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))

from drainlab.fakeaws import FakeAws, faults, sigv4_verify     # noqa: E402
from drainlab.fakeaws.sigv4_verify import Refused, Request     # noqa: E402
from drainlab.fakeaws.throttle import Bucket                   # noqa: E402
from drainlab.fakeaws.timeline import Timeline                 # noqa: E402

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SCOPE = "20150830/us-east-1/service/aws4_request"
NOW = 1440938160    # 20150830T123600Z
TOKEN = ("AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YU"
         "uwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHN"
         "VXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==")
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = [("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", "13"),
        ("x-amz-content-sha256", "9095672bbd1f56dfc5b65f3e153adc8731a4a654192329106275f4c7b24d0b6e")]

# The requests and signatures of AWS's own test suite for Signature Version 4, as github.com/awslabs/aws-c-auth has it
# (tests/aws-signing-test-suite/v4/NAME/header-signed-request.txt): key AKIDEXAMPLE, 2015-08-30 12:36:00, us-east-1,
# service `service`. name: (method, target, further headers, body, signature)
VECTORS = {
    "get-vanilla": ("GET", "/", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "post-vanilla": ("POST", "/", [], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    "get-vanilla-empty-query-key": (
        "GET", "/?Param1=value1", [], b"", "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"),
    "get-vanilla-query-order-key-case": (
        "GET", "/?Param2=value2&Param1=value1", [], b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
    "get-vanilla-query-order-encoded": (
        "GET", "/?Param-3=Value3&Param=Value2&%E1%88%B4=Value1", [], b"",
        "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"),
    "get-vanilla-query-unreserved": (
        "GET", f"/?{UNRESERVED}={UNRESERVED}", [], b"",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"),
    "get-vanilla-utf8-query": (
        "GET", "/?\u1234=bar", [], b"", "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
    "get-utf8": ("GET", "/\u1234", [], b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    "get-space": ("GET", "/example space/", [], b"",
                  "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
    "get-slashes": ("GET", "//example//", [], b"", "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
    "get-relative": ("GET", "/example/..", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    "get-header-key-duplicate": (
        "GET", "/", [("My-Header1", "value2"), ("My-Header1", "value2"), ("My-Header1", "value1")], b"",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"),
    "get-header-value-order": (
        "GET", "/", [("My-Header1", f"value{n}") for n in (4, 1, 3, 2)], b"",
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"),
    "get-header-value-trim": (
        "GET", "/", [("My-Header1", " value1"), ("My-Header2", ' "a   b   c"')], b"",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
    "get-vanilla-with-session-token": (
        "GET", "/", [("X-Amz-Security-Token", "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267")], b"",
        "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"),
    "post-sts-header-before": (
        "POST", "/", [("X-Amz-Security-Token", TOKEN)], b"",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"),
    "post-x-www-form-urlencoded": (
        "POST", "/", FORM, b"Param1=value1", "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b"),
    "post-x-www-form-urlencoded-parameters": (
        "POST", "/", [("Content-Type", FORM[0][1] + "; charset=utf-8"), *FORM[1:]], b"Param1=value1",
        "328d1b9eaadca9f5818ef05e8392801e091653bafec24fcab71e7344e7f51422"),
}


def signed_request(method, target, headers, body, signature, stamp="20150830T123600Z", scope=SCOPE, key="AKIDEXAMPLE"):
    """The request as it would come, with that signature over all of its headers."""
    headers = [("Host", "example.amazonaws.com"), *headers, ("X-Amz-Date", stamp)]
    names = ";".join(sorted({name.lower() for name, _ in headers}))
    headers.append(("Authorization", f"AWS4-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders={names}, "
                    f"Signature={signature}"))
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body)


def token_of(request):
    return request.header("x-amz-security-token")


class Signature(unittest.TestCase):
    def refused(self, request, code, word="", now=NOW, secret=SECRET, token=None, **scope):
        with self.assertRaises(Refused) as caught:
            sigv4_verify.verify(request, lambda key: (secret, token), now, **scope)
        self.assertEqual(caught.exception.code, code, caught.exception)
        self.assertIn(word, str(caught.exception))

    def test_published_examples_are_right(self):
        for name, vector in VECTORS.items():
            with self.subTest(name):
                request = signed_request(*vector)
                found = sigv4_verify.verify(request, lambda key, r=request: (SECRET, token_of(r)), NOW)
                self.assertEqual((found.key_id, found.region, found.service), ("AKIDEXAMPLE", "us-east-1", "service"))

    def test_example_of_the_guide(self):
        # AWS General Reference, "Signing AWS requests with Signature Version 4": ListUsers.
        request = signed_request("GET", "/?Action=ListUsers&Version=2010-05-08", [
            ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")], b"",
            "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7", scope="20150830/us-east-1/iam/aws4_request")
        request.headers[0] = ("Host", "iam.amazonaws.com")
        sigv4_verify.verify(request, lambda key: (SECRET, None), NOW, "iam", "us-east-1")

    def test_one_bit_of_anything_makes_it_wrong(self):
        for name, vector in VECTORS.items():
            method, target, headers, body, signature = vector
            other = f"{int(signature[0], 16) ^ 1:x}" + signature[1:]
            path = target.partition("?")[0]
            for change in ((method + "X", target, headers, body, signature), (method, path + "x", headers, body, signature),
                           (method, target, headers, body, other),
                           (method, target + ("&" if "?" in target else "?") + "a=b", headers, body, signature)):
                with self.subTest(name, change=change):
                    request = signed_request(*change)
                    self.refused(request, "SignatureDoesNotMatch", token=token_of(request))
        changed = signed_request("POST", "/", FORM[:2], b"Param1=value2", VECTORS["post-x-www-form-urlencoded"][4])
        self.refused(changed, "SignatureDoesNotMatch")
        told = signed_request("POST", "/", FORM, b"Param1=value2", VECTORS["post-x-www-form-urlencoded"][4])
        self.refused(told, "SignatureDoesNotMatch", "hash of the body")

    def test_another_secret_date_region_or_service(self):
        vector = VECTORS["get-vanilla"]
        self.refused(signed_request(*vector), "SignatureDoesNotMatch", secret=SECRET[:-1])
        for scope in ("20150830/us-east-2/service/aws4_request", "20150830/us-east-1/servicf/aws4_request"):
            self.refused(signed_request(*vector, scope=scope), "SignatureDoesNotMatch")
        for scope in ("20150829/us-east-1/service/aws4_request", "20150830/us-east-1/service/aws4_requesu"):
            self.refused(signed_request(*vector, scope=scope), "SignatureDoesNotMatch", "terminator")
        self.refused(signed_request(*vector), "SignatureDoesNotMatch", "correct service", service="ec2")
        self.refused(signed_request(*vector), "SignatureDoesNotMatch", "valid region", region="eu-central-1")

    def test_clocks_may_differ_by_five_minutes(self):
        request = signed_request(*VECTORS["get-vanilla"])
        for now in (NOW - 300, NOW + 300):
            sigv4_verify.verify(request, lambda key: (SECRET, None), now)
        self.refused(request, "SignatureDoesNotMatch", "expired", now=NOW + 301)
        self.refused(request, "SignatureDoesNotMatch", "not yet current", now=NOW - 301)
        self.refused(signed_request(*VECTORS["get-vanilla"], stamp="2015-08-30T12:36:00Z"), "IncompleteSignature", "Date")

    def test_what_must_be_signed(self):
        def without(name, request):
            request.headers = [(key, value.replace(name + ";", "") if key == "Authorization" else value)
                               for key, value in request.headers]
            return request

        plain, token = VECTORS["get-vanilla"], VECTORS["post-sts-header-before"]
        self.refused(without("host", signed_request(*plain)), "SignatureDoesNotMatch", "not signed: host")
        request = signed_request(*token)
        request.headers[-1] = ("Authorization", request.headers[-1][1].replace(";x-amz-security-token", ""))
        self.refused(request, "SignatureDoesNotMatch", "not signed: x-amz-security-token", token=TOKEN)
        request = signed_request(*plain)
        request.headers[-1] = ("Authorization", request.headers[-1][1].replace("host;x-amz-date", "x-amz-date;host"))
        self.refused(request, "SignatureDoesNotMatch", "not sorted")
        request = signed_request(*plain)
        request.headers.append(("Host", "other.example.com"))
        self.refused(request, "SignatureDoesNotMatch", "once")
        request = signed_request(*plain)
        request.headers[-1] = ("Authorization", request.headers[-1][1].replace("host;", "absent;host;"))
        self.refused(request, "SignatureDoesNotMatch", "was not sent")

    def test_session_tokens(self):
        request = signed_request(*VECTORS["post-sts-header-before"])
        self.refused(request, "InvalidClientTokenId", "has none", token=None)
        self.refused(request, "InvalidClientTokenId", "not that of the key", token=TOKEN + "=")
        self.refused(signed_request(*VECTORS["get-vanilla"]), "InvalidClientTokenId", token=TOKEN)

    def test_headers_that_are_none(self):
        self.refused(Request("GET", "/", "", [("Host", "a")]), "MissingAuthenticationToken")
        for text in ("Basic eDp5", "AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=" + "0" * 64,
                     "AWS4-HMAC-SHA256 Credential=a/20150830/r/s/aws4_request, SignedHeaders=host, Signature=00"):
            self.refused(Request("GET", "/", "", [("Host", "a"), ("Authorization", text)]), "IncompleteSignature")


class Time(unittest.TestCase):
    def test_a_life(self):
        line = Timeline()
        self.assertIsNone(line.state(5))
        line.register(10, initial=3)
        line.deregister(20, delay=6)
        seen = [line.state(at) for at in (9.9, 10, 12.9, 13, 19.9, 20, 25.9, 26)]
        self.assertEqual(seen, [None, "initial", "initial", "healthy", "healthy", "draining", "draining", None])

    def test_readers_are_behind(self):
        line = Timeline()
        line.register(0, initial=0)
        line.deregister(20, delay=6)
        self.assertEqual([line.state(20.5, lag) for lag in (0, 0.4, 0.6)], ["draining", "draining", "healthy"])

    def test_registered_again_while_it_drains(self):
        line = Timeline()
        line.register(0, initial=0)
        line.deregister(20, delay=6)
        line.register(22, initial=2)
        self.assertEqual([line.state(at) for at in (21, 22, 24, 30)], ["draining", "initial", "healthy", "healthy"])
        line.deregister(30, delay=0)
        self.assertIsNone(line.state(30))

    def test_what_was_to_come_does_not_come(self):
        line = Timeline()
        line.register(0, initial=10)
        line.deregister(2, delay=20)
        self.assertEqual([line.state(at) for at in (1, 2, 11, 22)], ["initial", "draining", "draining", None])

    def test_unknown_target_is_deregistered_silently(self):
        line = Timeline()
        line.deregister(1, delay=5)
        self.assertIsNone(line.state(2))

    def test_script(self):
        line = Timeline()
        line.script(10, [(0, "healthy"), (1, "unhealthy.draining"), (2, None)])
        self.assertEqual([line.state(at) for at in (10, 11, 12)], ["healthy", "unhealthy.draining", None])

    def test_bucket(self):
        bucket = Bucket(rate=50, burst=3)
        self.assertEqual([bucket.take() for _ in range(4)], [True, True, True, False])
        end = time.monotonic() + 10
        while not bucket.take():
            self.assertLess(time.monotonic(), end)
        self.assertTrue(all(Bucket().take() for _ in range(100)))


class Server(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.log = os.path.join(self.folder.name, "asked.jsonl")
        self.aws = FakeAws(self.log)
        self.addCleanup(self.aws.close)
        self.host = self.aws.listen().partition("//")[2]
        self.group = self.aws.elb.add_group("web", delay=5, port=8080)
        self.group.register("10.0.1.5")
        self.key = self.aws.keys.issue(lifetime=100)

    def ask(self, action, form, version="2015-12-01", service="elasticloadbalancing", key=None, body=None):
        """(status, headers, body) of a signed call. The signature is made by the verifier's own parts: whether they
        are right is proven above."""
        key = key or self.key
        body = body or urllib.parse.urlencode({"Action": action, "Version": version, **form}).encode()
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(self.aws.clock()))
        scope = f"{stamp[:8]}/{self.aws.region}/{service}/aws4_request"
        headers = [("Host", self.host), ("X-Amz-Date", stamp), ("Content-Type", "application/x-www-form-urlencoded")]
        headers += [("X-Amz-Security-Token", key.token)] if key.token else []
        names = sorted(name.lower() for name, _ in headers)
        text = sigv4_verify.string_to_sign(Request("POST", "/", "", headers, body), names, stamp, scope)
        headers.append(("Authorization", f"AWS4-HMAC-SHA256 Credential={key.key_id}/{scope}, SignedHeaders="
                        f"{';'.join(names)}, Signature={sigv4_verify.signature(key.secret, scope, text)}"))
        connection = http.client.HTTPConnection(self.host, timeout=20)
        self.addCleanup(connection.close)
        connection.request("POST", "/", body, dict(headers))
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()

    def health(self, **form):
        return self.ask("DescribeTargetHealth", {"TargetGroupArn": self.group.arn, **form})

    def states(self, **form):
        status, _, body = self.health(**form)
        self.assertEqual(status, 200, body)
        space = {"e": "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"}
        return [(one.findtext("e:Target/e:Id", None, space), one.findtext("e:TargetHealth/e:State", None, space),
                 one.findtext("e:TargetHealth/e:Reason", None, space))
                for one in xml.etree.ElementTree.fromstring(body).iter("{%s}member" % space["e"])]

    def code(self, answer):
        status, _, body = answer
        return status, body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()

    def test_listing_and_asking(self):
        self.assertEqual(self.states(), [("10.0.1.5", "healthy", None)])
        asked = {"Targets.member.1.Id": "10.0.1.5", "Targets.member.1.Port": "8080", "Targets.member.2.Id": "10.0.1.6"}
        self.assertEqual(self.states(**asked), [("10.0.1.5", "healthy", None),
                                               ("10.0.1.6", "unused", "Target.NotRegistered")])
        self.group.deregister("10.0.1.5")
        self.assertEqual(self.states(), [("10.0.1.5", "draining", "Target.DeregistrationInProgress")])

    def test_replicas_are_met_in_turn(self):
        self.group.lags = iter([0, 60, 0, 60])
        self.group.targets[("10.0.1.5", 8080)].script(self.aws.clock() - 100, [(0, "healthy")])
        self.group.deregister("10.0.1.5")
        self.assertEqual([self.states()[0][1] for _ in range(4)], ["draining", "healthy"] * 2)

    def test_refusals(self):
        wrong = {"TargetGroupArn": self.group.arn[:-1]}
        self.assertEqual(self.code(self.ask("DescribeTargetHealth", wrong)), (400, "TargetGroupNotFound"))
        self.assertEqual(self.code(self.health(TargetGroupArm="x")), (400, "MalformedInput"))
        self.assertEqual(self.code(self.health(**{"Targets.member.2.Id": "10.0.1.5"})), (400, "MalformedInput"))
        self.assertEqual(self.code(self.health(**{"Targets.member.1.Id": "web-1"})), (400, "ValidationError"))
        self.assertEqual(self.code(self.ask("DescribeTargetHealth", {})), (400, "MissingParameter"))
        self.assertEqual(self.code(self.ask("DescribeTargetHealt", {})), (400, "InvalidAction"))
        self.assertEqual(self.code(self.ask("", {}, body=b"Action=a&Action=b&Version=1")),
                         (400, "InvalidParameterCombination"))
        self.assertEqual(self.code(self.ask("DescribeNetworkInterfaces", {}, version="2016-11-15")),
                         (403, "SignatureDoesNotMatch"))    # scoped to another service
        self.assertEqual(self.code(self.ask("RegisterTargets", {"TargetGroupArn": self.group.arn})),
                         (400, "MissingParameter"))

    def test_keys(self):
        self.aws.keys.expire(self.key)
        self.assertEqual(self.code(self.health()), (403, "ExpiredToken"))
        self.aws.keys.forget(self.key)
        self.assertEqual(self.code(self.health()), (403, "InvalidClientTokenId"))
        self.key = self.aws.keys.issue(may=("ec2:DescribeNetworkInterfaces",))
        self.assertEqual(self.code(self.health()), (403, "AccessDenied"))
        status, _, body = self.ask("DescribeNetworkInterfaces", {}, version="2016-11-15", service="ec2")
        self.assertEqual(status, 200, body)

    def test_throttling(self):
        self.aws.throttle.limit(rate=0.01, burst=2, retry_after="seconds", seconds=7)
        self.assertEqual([self.health()[0] for _ in range(2)], [200, 200])
        status, headers, body = self.health()
        self.assertEqual((status, headers["Retry-After"]), (400, "7"))
        self.assertIn(b"<Code>Throttling</Code><Message>Rate exceeded</Message>", body)
        self.assertEqual([entry.get("code") for entry in self.aws.asked()], [None, None, "Throttling"])

    def test_pages(self):
        arns = [self.group.arn] + [self.aws.elb.add_group(f"more-{n}").arn for n in range(4)]
        got, marker = [], {}
        while marker is not None:
            root = xml.etree.ElementTree.fromstring(self.ask("DescribeTargetGroups", {"PageSize": "2", **marker})[2])
            got += [one.text for one in root.iter() if one.tag.endswith("}TargetGroupArn")]
            found = [one.text for one in root.iter() if one.tag.endswith("}NextMarker")]
            marker = {"Marker": found[0]} if found else None
        self.assertEqual(got, arns)

    def test_log_is_json_and_hides_tokens(self):
        self.aws.sts.allow("eyJ0b2tlbg", "arn:aws:iam::123456789012:role/drainsnoop")
        connection = http.client.HTTPConnection(self.host, timeout=20)
        self.addCleanup(connection.close)
        connection.request("POST", "/", urllib.parse.urlencode({
            "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "WebIdentityToken": "eyJ0b2tlbg",
            "RoleArn": "arn:aws:iam::123456789012:role/drainsnoop", "RoleSessionName": "drainsnoop"}),
            {"Content-Type": "application/x-www-form-urlencoded"})
        self.assertIn(self.aws.sts.given[0].token.encode() if self.aws.sts.given else b"",
                      connection.getresponse().read())
        self.health()
        with open(self.log, encoding="ascii") as file:
            text = file.read()
        first, second = map(json.loads, text.splitlines())
        self.assertEqual((first["action"], first["status"]), ("AssumeRoleWithWebIdentity", 200))
        self.assertEqual((second["signature"], second["key_id"]), ("valid", self.key.key_id))
        self.assertNotIn("eyJ0b2tlbg", text)
        self.assertNotIn(self.key.token, text)

    def test_instance_metadata(self):
        def get(method, path, headers=()):
            connection = http.client.HTTPConnection(self.host, timeout=20)
            self.addCleanup(connection.close)
            connection.request(method, path, headers=dict(headers))
            reply = connection.getresponse()
            return reply.status, reply.read().decode()

        roles = "/latest/meta-data/iam/security-credentials/"
        self.assertEqual(get("GET", roles)[0], 401)     # version 1 is off
        self.assertEqual(get("PUT", "/latest/api/token")[0], 400)
        status, token = get("PUT", "/latest/api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"}.items())
        self.assertEqual(status, 200)
        token = {"X-aws-ec2-metadata-token": token}.items()
        self.assertEqual(get("GET", roles, token), (200, "node-role"))
        given = json.loads(get("GET", roles + "node-role", token)[1])
        self.assertEqual((given["Code"], given["AccessKeyId"]), ("Success", self.aws.metadata.given[0].key_id))
        self.assertEqual(get("GET", "/latest/meta-data/placement/region", token), (200, self.aws.region))
        self.assertEqual(get("GET", roles + "other", token)[0], 404)
        self.aws.metadata.container_token = "secret"
        self.assertEqual([get("GET", "/v1/credentials", headers)[0] for headers in (
            (), [("Authorization", "wrong")], [("Authorization", "secret")])], [400, 401, 200])

    def test_each_fault_breaks_the_reply_as_it_says(self):
        good = self.health()[2]
        broken = {}
        for kind in ("garbage", "html", "malformed", "deep", "bomb", "outside", "quadratic", "huge"):
            self.aws.faults.add(kind, times=1)
            broken[kind] = self.health()[2]
        self.assertEqual(self.health()[2][:60], good[:60], "a fault outlived its times")
        for kind in ("garbage", "html", "malformed"):
            with self.subTest(kind), self.assertRaises(xml.etree.ElementTree.ParseError):
                xml.etree.ElementTree.fromstring(broken[kind] + b"<br>" * (kind == "html"))
        self.assertGreater(len(broken["huge"]), 10 * faults.MEGABYTE - 1000)
        self.assertIn(b"<!ENTITY", broken["bomb"])
        for kind, error in (("cut", http.client.IncompleteRead), ("reset", ConnectionResetError),
                            ("empty", http.client.RemoteDisconnected), ("no_http", http.client.BadStatusLine)):
            self.aws.faults.add(kind, times=1)
            with self.subTest(kind), self.assertRaises(error):
                self.health()
        self.aws.faults.add("redirect", times=1, url="http://127.0.0.1:1/")
        self.assertEqual(self.health()[0], 302)
        self.aws.faults.add("error", times=1, status=503, code="ServiceUnavailable", message="Unavailable")
        self.assertEqual(self.code(self.health()), (503, "ServiceUnavailable"))
        begin = time.monotonic()
        self.aws.faults.add("delay", times=1, number=0.3)
        self.assertEqual(self.health()[0], 200)
        self.assertGreater(time.monotonic() - begin, 0.29)
        self.assertEqual([entry.get("fault") for entry in self.aws.asked()[-2:]], ["error", "delay"])

    def test_every_kind_is_known(self):
        with self.assertRaises(ValueError):
            self.aws.faults.add("no-such-fault")


if __name__ == "__main__":
    unittest.main()
