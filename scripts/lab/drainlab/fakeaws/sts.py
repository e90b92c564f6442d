# SPDX-License-Identifier: Apache-2.0
"""STS (2011-06-15): AssumeRoleWithWebIdentity, which nobody signs."""

from .query import Text, element, invalid
from .sigv4_verify import Refused

VERSION, SERVICE = "2011-06-15", "sts"
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"
ACTIONS = ("AssumeRoleWithWebIdentity",)


class Sts:
    """tokens: {a token as it stands in the projected file: the role that it may assume}; one that was there and is
    not any more is said to have expired."""

    def __init__(self, keys):
        self.keys = keys
        self.tokens, self.seen = {}, set()
        self.lifetime = 3600    # s, of what is given out
        self.given = []

    def allow(self, token, role):
        self.tokens[token] = role
        self.seen.add(token)

    def expire(self, token):
        self.tokens.pop(token, None)

    def AssumeRoleWithWebIdentity(self, form):
        role, session = form.must("RoleArn"), form.must("RoleSessionName")
        token = form.must("WebIdentityToken")
        seconds = form.number("DurationSeconds", self.lifetime, 900, 43200)
        if not 2 <= len(session) <= 64 or not all(c.isalnum() or c in "_=,.@-" for c in session):
            raise invalid("1 validation error detected: Value at 'roleSessionName' failed to satisfy constraint")
        if token not in self.seen:
            raise Refused(400, "InvalidIdentityToken", "No OpenIDConnect provider found in your account")
        if token not in self.tokens:
            raise Refused(400, "ExpiredTokenException", "Token expired: current date/time must be before the expiration "
                          "date/time")
        if self.tokens[token] != role:
            raise Refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
        key = self.keys.issue(lifetime=min(seconds, self.lifetime))
        self.given.append(key)
        user = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/") + "/" + session
        return [element("Audience", "sts.amazonaws.com"),
                element("AssumedRoleUser", AssumedRoleId="AROAEXAMPLE:" + session, Arn=user),
                element("Provider", "arn:aws:iam::123456789012:oidc-provider/oidc.example.com"),
                element("Credentials", AccessKeyId=key.key_id, SecretAccessKey=key.secret, SessionToken=key.token,
                        Expiration=key.expiration()),
                Text(element("SubjectFromWebIdentityToken", "system:serviceaccount:kube-system:drainsnoop"))]
