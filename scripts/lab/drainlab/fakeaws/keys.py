# SPDX-License-Identifier: Apache-2.0
"""Access keys: long-lived ones and temporary ones that expire."""

import dataclasses
import secrets
import threading
import time

from .sigv4_verify import Refused


@dataclasses.dataclass
class Key:
    key_id: str
    secret: str
    token: str = None           # None: a long-lived key
    expires: float = None       # seconds since 1970
    may: tuple = None           # actions that are allowed; None = all

    def environment(self):
        """The variables from which the SDKs take them."""
        found = {"AWS_ACCESS_KEY_ID": self.key_id, "AWS_SECRET_ACCESS_KEY": self.secret}
        return found | ({"AWS_SESSION_TOKEN": self.token} if self.token else {})

    def expiration(self):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.expires))


class Keys:
    def __init__(self, clock):
        self.clock, self.lock, self.known = clock, threading.Lock(), {}

    def issue(self, lifetime=None, may=None):
        """A new key; with a lifetime (s) a temporary one, with a token of the length that AWS's have. Its secret
        has the characters that are special elsewhere."""
        key = Key(("AKIA" if lifetime is None else "ASIA") + secrets.token_hex(8).upper(),
                  "a/B+" + secrets.token_urlsafe(27), may=may)
        if lifetime is not None:
            key.token, key.expires = "IQoJb3JpZ2luX2Vj//+" + secrets.token_hex(350) + "==", self.clock() + lifetime
        with self.lock:
            self.known[key.key_id] = key
        return key

    def expire(self, key):
        """From now on its token is an expired one."""
        key.expires = self.clock()

    def forget(self, key):
        """From now on nobody knows it."""
        with self.lock:
            self.known.pop(key.key_id, None)

    def find(self, key_id):
        """(secret, token) for the verifier."""
        with self.lock:
            key = self.known.get(key_id)
        if not key:
            raise Refused(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        return key.secret, key.token

    def admit(self, key_id, action, account):
        """Refused, unless the key is good now and for that action. After the signature: AWS looks in that order."""
        key = self.known[key_id]
        if key.expires is not None and key.expires <= self.clock():
            raise Refused(403, "ExpiredToken", "The security token included in the request is expired")
        if key.may is not None and action not in key.may:
            raise Refused(403, "AccessDenied", f"User: arn:aws:sts::{account}:assumed-role/node/i-0 is not authorized to "
                          f"perform: {action} because no identity-based policy allows the {action} action")
