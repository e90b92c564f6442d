# SPDX-License-Identifier: Apache-2.0
"""Where a process finds its credentials without a configuration: IMDSv2 of the instance, the endpoint of ECS, the
agent of EKS Pod Identity. Plain HTTP, JSON or text."""

import json
import secrets
import time

TTL = "x-aws-ec2-metadata-token-ttl-seconds"
TOKEN = "x-aws-ec2-metadata-token"


class Answer(Exception):
    """A reply that is not 200."""

    def __init__(self, status, text=""):
        super().__init__(f"{status} {text}")
        self.status, self.text = status, text


def as_json(key, **more):
    return json.dumps({"AccessKeyId": key.key_id, "SecretAccessKey": key.secret, "Token": key.token,
                       "Expiration": key.expiration(), **more}, indent=2)


class Metadata:
    """role: of the instance; None: it has none. container_token: what must stand in Authorization; None: nothing."""

    def __init__(self, keys, clock, region, account):
        self.keys, self.clock, self.region, self.account = keys, clock, region, account
        self.role = "node-role"
        self.container_token = None
        self.lifetime = 6 * 3600
        self.sessions = {}      # IMDSv2 token: until when
        self.given = []

    def _issue(self):
        self.given.append(self.keys.issue(lifetime=self.lifetime))
        return self.given[-1]

    def _session(self, request):
        text = request.header(TTL) or ""
        if request.header("x-forwarded-for"):
            raise Answer(403, "Forbidden")
        if not text.isdigit() or not 1 <= int(text) <= 21600:
            raise Answer(400, "Bad Request")
        token = secrets.token_urlsafe(40)
        self.sessions[token] = self.clock() + int(text)
        return token, {"X-Aws-Ec2-Metadata-Token-Ttl-Seconds": text}

    def _imds(self, request):
        if self.sessions.get(request.header(TOKEN) or "", 0) <= self.clock():
            raise Answer(401, "Unauthorized")
        path, roles = request.path.removeprefix("/latest/"), "meta-data/iam/security-credentials/"
        if path in (roles, roles.rstrip("/")) and self.role:
            return self.role
        if path == roles + (self.role or "/"):
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.clock()))
            return as_json(self._issue(), Code="Success", LastUpdated=now, Type="AWS-HMAC")
        plain = {"meta-data/placement/region": self.region, "meta-data/placement/availability-zone": self.region + "a",
                 "meta-data/instance-id": "i-0123456789abcdef0",
                 "dynamic/instance-identity/document": json.dumps({"region": self.region, "accountId": self.account})}
        if path not in plain:
            raise Answer(404, "Not Found")
        return plain[path]

    def _container(self, request):
        if self.container_token is not None and request.header("authorization") != self.container_token:
            raise Answer(401 if request.header("authorization") else 400, "Service account token cannot be empty or wrong")
        return as_json(self._issue(), AccountId=self.account)

    def answer(self, request):
        """(text, headers) of a request that is for one of them; None for another. Answer for a refusal."""
        if request.path == "/latest/api/token":
            if request.method != "PUT":
                raise Answer(405, "Method Not Allowed")
            return self._session(request)
        if request.path.startswith("/latest/"):
            return self._imds(request), {}
        if request.path.startswith(("/v1/credentials", "/v2/credentials")):
            return self._container(request), {}
        return None
