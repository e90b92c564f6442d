# SPDX-License-Identifier: Apache-2.0
"""The chain of AWS credentials, asked in a network namespace of the test's own, where a fake AWS has the link-local
addresses of IMDS, ECS and EKS Pod Identity. What the fake was asked, and what it gave out, is the truth."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import netns

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = "build/tests/e2e/aws-chain"
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))

from drainlab.fakeaws import FakeAws     # noqa: E402

ELSEWHERE = "10.66.0.1"
ADDRESSES = ("169.254.169.254/32", "169.254.170.2/32", "169.254.170.23/32", ELSEWHERE + "/32", "fd00:ec2::23/128",
             "fd00:ec2::254/128")
ROLE = "arn:aws:iam::123456789012:role/drainsnoop"
TOKEN = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJkcmFpbnNub29wIn0.c2lnbmF0dXJl"
POD_IDENTITY = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
POD_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"
IMDS_TOKEN = "/latest/api/token"


class Chain:
    """The program in the namespace, with that environment and nothing else of the test's."""

    def __init__(self, namespace, environment, home):
        self.errors = os.path.join(home, "errors")
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                [*netns.enter(namespace), os.path.join(ROOT, PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors, text=True, env={"PATH": os.environ["PATH"], "HOME": home, **environment})
        self.output = self.process.stdout.readline()

    def tell(self, word):
        self.process.stdin.write(word + "\n")
        self.process.stdin.flush()

    def get(self, timeout=60):
        self.tell("get")
        timer = threading.Timer(timeout, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        self.output += line
        return json.loads(line)

    def end(self):
        """Everything that it said."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
            self.output += self.process.stdout.read()
            self.process.stdout.close()
            self.process.wait(30)
        with open(self.errors, encoding="utf-8") as errors:
            return self.output + errors.read()


@unittest.skipIf(os.geteuid(), "needs root")
class Credentials(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        subprocess.run(["make", "-s", "-C", ROOT, PROGRAM], check=True)
        cls.netns = netns.make("aws", cls.addClassCleanup)
        for address in ADDRESSES:
            subprocess.run(["ip", "-n", cls.netns, "address", "add", address, "dev", "lo", *["nodad"] * (":" in address)], check=True)

    def setUp(self):
        self.home = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.home)
        self.aws = FakeAws()
        self.addCleanup(self.aws.close)
        self.chains = []
        self.given = []

    def tearDown(self):
        """Whatever a test asked for: no secret was said."""
        secrets = [text for key in self.aws.keys.known.values() for text in (key.secret, key.token) if text]
        for chain in self.chains:
            said = chain.end()
            self.assertEqual(chain.process.returncode, 0, said)
            for secret in [*secrets, TOKEN]:
                self.assertNotIn(secret, said)

    def listen(self, *addresses):
        for address in addresses:
            self.aws.listen(address, 80, netns=f"/run/netns/{self.netns}")

    def write(self, name, text):
        path = os.path.join(self.home, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def chain(self, **environment):
        self.chains.append(Chain(self.netns, environment, self.home))
        return self.chains[-1]

    def found(self, answer, provider, key):
        self.assertEqual((answer["fault"], answer.get("provider"), answer.get("key_id")), (None, provider, key.key_id))
        self.assertEqual(answer["has_token"], key.token is not None)
        self.assertEqual(answer["expires_ns"] // 10**9, int(key.expires or 0))

    def actions(self):
        return [entry["action"] for entry in self.aws.asked()]

    def test_instance_metadata(self):
        self.listen("169.254.169.254")
        answer = self.chain().get()
        self.found(answer, "IMDS", self.aws.metadata.given[-1])
        self.assertEqual(answer["region"], self.aws.region)
        self.assertEqual(self.actions()[0], IMDS_TOKEN)
        self.assertEqual({entry["status"] for entry in self.aws.asked()}, {200})

    def test_instance_metadata_over_ipv6(self):
        self.listen("fd00:ec2::254")
        answer = self.chain(AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE="IPv6").get()
        self.found(answer, "IMDS", self.aws.metadata.given[-1])

    def test_instance_without_a_role(self):
        self.listen("169.254.169.254")
        self.aws.metadata.role = None
        answer = self.chain().get()
        self.assertIn("IMDS: this instance has no role", answer["fault"])
        self.assertEqual(self.aws.metadata.given, [])

    def test_instance_metadata_is_off(self):
        self.listen("169.254.169.254")
        answer = self.chain(AWS_EC2_METADATA_DISABLED="true").get()
        self.assertTrue(answer["fault"])
        self.assertEqual(self.aws.asked(), [])

    def test_pod_identity(self):
        for address, host in (("169.254.170.23", "169.254.170.23"), ("fd00:ec2::23", "[fd00:ec2::23]")):
            with self.subTest(address):
                self.listen(address)
                self.aws.metadata.container_token = TOKEN
                answer = self.chain(**{POD_IDENTITY: f"http://{host}/v1/credentials",
                                       POD_TOKEN: self.write("token", TOKEN)}).get()
                self.found(answer, "container", self.aws.metadata.given[-1])

    def test_token_file_is_read_again(self):
        self.listen("169.254.170.23")
        self.aws.metadata.container_token = TOKEN
        chain = self.chain(**{POD_IDENTITY: "http://169.254.170.23/v1/credentials", POD_TOKEN: self.write("token", TOKEN)})
        self.found(chain.get(), "container", self.aws.metadata.given[0])
        self.aws.metadata.container_token = TOKEN + "2"
        self.write("token", TOKEN + "2")
        chain.tell("refused")
        self.found(chain.get(), "container", self.aws.metadata.given[1])

    def test_task_of_ecs(self):
        self.listen("169.254.170.2")
        answer = self.chain(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/v2/credentials/0b9d1c2e").get()
        self.found(answer, "container", self.aws.metadata.given[-1])
        self.assertEqual(self.actions(), ["/v2/credentials/0b9d1c2e"])

    def test_host_that_nobody_allowed_gets_no_token(self):
        self.listen(ELSEWHERE)
        answer = self.chain(**{POD_IDENTITY: f"http://{ELSEWHERE}/v1/credentials", POD_TOKEN: self.write("token", TOKEN)}).get()
        self.assertIn("AWS_CONTAINER_CREDENTIALS_FULL_URI names a host", answer["fault"])
        self.assertEqual(self.aws.asked(), [])

    def test_redirects_are_not_followed(self):
        self.listen("169.254.170.23", ELSEWHERE)
        self.aws.faults.add("redirect", url=f"http://{ELSEWHERE}/v1/credentials")
        answer = self.chain(**{POD_IDENTITY: "http://169.254.170.23/v1/credentials",
                               POD_TOKEN: self.write("token", TOKEN)}).get()
        self.assertIn("302", answer["fault"])
        self.assertEqual([entry["listener"] for entry in self.aws.asked() if entry["listener"] != "169.254.170.23:80"], [])

    def web_identity(self):
        self.aws.sts.allow(TOKEN, ROLE)
        return {"AWS_ROLE_ARN": ROLE, "AWS_WEB_IDENTITY_TOKEN_FILE": self.write("jwt", TOKEN), "AWS_REGION": self.aws.region,
                "AWS_ENDPOINT_URL_STS": self.aws.listen(netns=f"/run/netns/{self.netns}")}

    def test_web_identity(self):
        chain = self.chain(**self.web_identity(), AWS_ROLE_SESSION_NAME="node-7")
        self.found(chain.get(), "web identity", self.aws.sts.given[-1])
        asked = self.aws.asked("AssumeRoleWithWebIdentity")
        self.assertEqual(len(asked), 1)
        self.assertNotIn("authorization", asked[0]["headers"])
        self.assertEqual(asked[0]["params"]["RoleSessionName"], "node-7")
        self.aws.sts.expire(TOKEN)      # the kubelet has written another
        self.aws.sts.allow(TOKEN + "2", ROLE)
        self.write("jwt", TOKEN + "2\n")
        chain.tell("refused")
        self.found(chain.get(), "web identity", self.aws.sts.given[-1])
        self.assertEqual(len(self.aws.sts.given), 2)

    def test_web_identity_that_sts_refuses(self):
        environment = self.web_identity()
        self.aws.sts.expire(TOKEN)
        self.listen("169.254.169.254")      # the node's role does not stand in
        answer = self.chain(**environment).get()
        self.assertIn("ExpiredTokenException", answer["fault"])
        self.assertEqual(self.aws.metadata.given, [])

    def test_certificates(self):
        """Over TLS only with whom AWS_CA_BUNDLE vouches for, and only under the name that was asked for."""
        files = [os.path.join(self.home, name) for name in ("cert.pem", "key.pem")]
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-subj", "/CN=sts.test", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2",
                        "-out", files[0], "-keyout", files[1]], check=True, capture_output=True)
        environment = self.web_identity()
        url = self.aws.listen(netns=f"/run/netns/{self.netns}", tls=files)
        environment["AWS_ENDPOINT_URL_STS"] = url
        self.assertIn("ertificate", self.chain(**environment).get()["fault"])
        environment["AWS_CA_BUNDLE"] = files[0]
        other = url.replace("127.0.0.1", "localhost")
        self.assertIn("ertificate", self.chain(**{**environment, "AWS_ENDPOINT_URL_STS": other}).get()["fault"])
        self.assertEqual(self.aws.asked("AssumeRoleWithWebIdentity"), [])
        self.found(self.chain(**environment).get(), "web identity", self.aws.sts.given[-1])

    def test_order(self):
        self.listen("169.254.169.254", "169.254.170.23")
        long_lived = self.aws.keys.issue()
        filed = self.aws.keys.issue()
        self.aws.metadata.container_token = TOKEN
        environment = {**long_lived.environment(), **self.web_identity(), "AWS_SHARED_CREDENTIALS_FILE": self.write(
            "credentials", f"[default]\naws_access_key_id={filed.key_id}\naws_secret_access_key = {filed.secret}\n"),
            POD_IDENTITY: "http://169.254.170.23/v1/credentials", POD_TOKEN: self.write("token", TOKEN)}
        self.found(self.chain(**environment).get(), "environment", long_lived)
        self.assertEqual(self.aws.asked(), [])      # nobody else is asked
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            del environment[name]
        self.found(self.chain(**environment).get(), "web identity", self.aws.sts.given[-1])
        del environment["AWS_ROLE_ARN"], environment["AWS_WEB_IDENTITY_TOKEN_FILE"]
        self.found(self.chain(**environment).get(), "shared files", filed)
        del environment["AWS_SHARED_CREDENTIALS_FILE"]
        self.assertEqual(self.aws.metadata.given, [])
        self.found(self.chain(**environment).get(), "container", self.aws.metadata.given[-1])
        self.assertNotIn(IMDS_TOKEN, self.actions())
        del environment[POD_IDENTITY]
        self.found(self.chain(**environment).get(), "IMDS", self.aws.metadata.given[-1])

    def test_renewed_before_they_expire(self):
        self.listen("169.254.169.254")
        self.aws.metadata.lifetime = 6
        chain = self.chain()
        first = chain.get()
        end = time.monotonic() + 60
        while (now := chain.get())["key_id"] == first["key_id"]:
            self.assertLess(time.monotonic(), end)
            self.assertGreater(now["expires_ns"], time.time_ns(), "credentials that have expired")
            time.sleep(0.1)
        self.assertLess(self.aws.asked(IMDS_TOKEN)[-1]["at_ns"], first["expires_ns"])

    def test_many_gets_are_one_request(self):
        self.listen("169.254.169.254")
        chain = self.chain()
        for _ in range(20):
            chain.get()
        self.assertEqual(len(self.aws.metadata.given), 1)

    def test_nobody_has_any(self):
        answer = self.chain(AWS_EC2_METADATA_SERVICE_ENDPOINT="http://127.0.0.1:1").get()
        self.assertIn("127.0.0.1", answer["fault"])
        self.assertNotIn("\n", answer["fault"])

    def test_broken_answers(self):
        self.listen("169.254.170.23")
        self.aws.metadata.container_token = TOKEN
        for kind in ("cut", "reset", "garbage", "malformed", "html", "no_http", "empty", "huge"):
            with self.subTest(kind):
                self.aws.faults.clear()
                self.aws.faults.add(kind)
                answer = self.chain(**{POD_IDENTITY: "http://169.254.170.23/v1/credentials",
                                       POD_TOKEN: self.write("token", TOKEN)}).get()
                self.assertIn("container: ", answer["fault"])
                self.assertNotIn("\n", answer["fault"])


if __name__ == "__main__":
    unittest.main()
