# SPDX-License-Identifier: Apache-2.0
"""A ServiceAccount's token that is worth something for seconds: the API gives none for less than ten minutes.

Made with the cluster's own key, so that the real API server takes it, and refuses it once it has expired.
"""

import base64
import json
import os
import subprocess
import time
import uuid

from drainlab.proc import LabError

ISSUER = "https://drainlab.invalid"
LEEWAY = 60     # s that the API server's library adds to every expiry


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def raw_signature(der):
    """The 64 bytes of an ES256 signature, from the ASN.1 in which openssl gives it: SEQUENCE { r, s }."""
    at, numbers = 2, []
    for _ in range(2):
        size = der[at + 1]
        numbers.append(int.from_bytes(der[at + 2:at + 2 + size], "big"))
        at += 2 + size
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def mint(key, account, seconds):
    """A token for a ServiceAccount (its object), that the API server takes for so long from now on."""
    namespace, name, now = account["metadata"]["namespace"], account["metadata"]["name"], int(time.time())
    claims = {"iss": ISSUER, "aud": [ISSUER], "sub": f"system:serviceaccount:{namespace}:{name}",
              "iat": now - LEEWAY, "nbf": now - LEEWAY, "exp": now - LEEWAY + int(seconds), "jti": str(uuid.uuid4()),
              "kubernetes.io": {"namespace": namespace, "serviceaccount": {
                  "name": name, "uid": account["metadata"]["uid"]}}}
    signed = b".".join(encode(json.dumps(part).encode()) for part in ({"alg": "ES256", "typ": "JWT"}, claims))
    done = subprocess.run(["openssl", "dgst", "-sha256", "-sign", key], input=signed, capture_output=True, check=False)
    if done.returncode:
        raise LabError(f"openssl dgst: {done.stderr.decode(errors='replace').strip()}")
    return (signed + b"." + encode(raw_signature(done.stdout))).decode()


class Account:
    """The folder of a ServiceAccount's token, namespace and CA certificate, as the kubelet lays it out in a pod."""

    def __init__(self, plane, namespace, name, folder):
        self.plane, self.api, self.folder = plane, plane.api("admin"), folder
        self.account = self.api.get(f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}")
        os.makedirs(folder)
        with open(plane.keys.authority, encoding="ascii") as file:
            self._write("ca.crt", file.read())
        self._write("namespace", namespace)

    def _write(self, name, text):
        """In one step, as a kubelet does."""
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def give(self, seconds):
        """A new token in place of the one that is there."""
        self.token = mint(self.plane.keys.path("sa.key"), self.account, seconds)
        self._write("token", self.token)

    def valid(self):
        """Whether the API server still takes the token."""
        answer = self.api.create("/apis/authentication.k8s.io/v1/tokenreviews", {
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": self.token}})
        return answer["status"].get("authenticated", False)
