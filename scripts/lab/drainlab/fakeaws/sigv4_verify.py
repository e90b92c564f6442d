# SPDX-License-Identifier: Apache-2.0
"""Verifies AWS Signature Version 4 by what came over the wire, with nothing but the standard library.

It shares no code with whoever signs: the canonical request is built anew from method, path, query, headers
and body as they arrived. Pure: keys and the time are given.

    verify(request, find_key, now, service, region) -> Credential, or Refused
"""

import calendar
import dataclasses
import hashlib
import hmac
import re
import time
import urllib.parse

ALGORITHM = "AWS4-HMAC-SHA256"
UNRESERVED = "-_.~"             # besides letters and digits: RFC 3986
SKEW = 300                      # seconds that the clocks may differ
AUTHORIZATION = re.compile(r"^AWS4-HMAC-SHA256 Credential=([^,\s]+), ?SignedHeaders=([^,\s]+), ?Signature=([0-9a-f]{64})$")


@dataclasses.dataclass
class Request:
    """As it came: path and query not decoded, headers in their order with repetitions."""

    method: str
    path: str
    query: str
    headers: list               # [(name, value)]
    body: bytes = b""

    def header(self, name):
        """The first value under that name, or None."""
        return next((value.strip() for key, value in self.headers if key.lower() == name), None)


@dataclasses.dataclass
class Credential:
    """Who signed, and for what."""

    key_id: str
    region: str
    service: str
    signed_headers: tuple


class Refused(Exception):
    """What AWS answers: HTTP status, error code, message; and detail, which AWS would not tell."""

    def __init__(self, status, code, message, detail=""):
        super().__init__(f"{code}: {message} {detail}".strip())
        self.status, self.code, self.message, self.detail = status, code, message, detail


def mismatch(detail):
    return Refused(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature "
                   "you provided. Check your AWS Secret Access Key and signing method. Consult the service "
                   "documentation for details.", detail)


def encode(data):
    """Percent-encodes bytes as the specification wants it: upper case, a space is %20."""
    return urllib.parse.quote(data, safe=UNRESERVED)


def canonical_path(path):
    """Dot segments and double slashes taken out, then every byte encoded, those of %XX too."""
    kept = []
    for segment in path.split("/"):
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    end = "/" if kept and path.rsplit("/", 1)[1] in ("", ".", "..") else ""
    return "/" + "/".join(encode(segment.encode("utf-8", "surrogateescape")) for segment in kept) + end


def canonical_query(query):
    """Decoded, encoded in the one right way, sorted by name and value."""
    pairs = []
    for part in query.split("&") if query else []:
        name, _, value = part.partition("=")
        pairs.append(tuple(encode(urllib.parse.unquote_to_bytes(text)) for text in (name, value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def canonical_headers(headers, signed):
    """Only those that are signed: lower case, white space folded, repetitions joined by a comma."""
    lines = []
    for name in signed:
        values = [" ".join(value.split()) for key, value in headers if key.lower() == name]
        if not values:
            raise mismatch(f"the header {name} is signed and was not sent")
        lines.append(f"{name}:{','.join(values)}\n")
    return "".join(lines)


def canonical_request(request, signed):
    payload = hashlib.sha256(request.body).hexdigest()
    told = request.header("x-amz-content-sha256")
    if told is not None and told != payload:
        raise mismatch("x-amz-content-sha256 is not the hash of the body")
    return "\n".join((request.method, canonical_path(request.path), canonical_query(request.query),
                      canonical_headers(request.headers, signed), ";".join(signed), payload))


def string_to_sign(request, signed, stamp, scope):
    hashed = hashlib.sha256(canonical_request(request, signed).encode()).hexdigest()
    return "\n".join((ALGORITHM, stamp, scope, hashed))


def signature(secret, scope, text):
    """The signature by the key that is derived from the secret for the scope."""
    key = b"AWS4" + secret.encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def parse_stamp(stamp):
    """Seconds since 1970 of YYYYMMDDTHHMMSSZ."""
    try:
        return calendar.timegm(time.strptime(stamp or "", "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise Refused(403, "IncompleteSignature", f"Date must be in ISO-8601 'basic format'. Got '{stamp}'.") from None


def check_clock(stamp, now):
    at = parse_stamp(stamp)
    if abs(at - now) > SKEW:
        shown = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        word = "expired: {} is now earlier than" if at < now else "not yet current: {} is still later than"
        raise Refused(403, "SignatureDoesNotMatch", f"Signature {word.format(stamp)} {shown}",
                      f"clocks differ by {at - now:.0f} s")


def check_signed_headers(request, signed):
    """What must be part of every signature, and the order that makes it one."""
    if list(signed) != sorted(set(signed)) or any(name != name.lower() for name in signed):
        raise mismatch(f"SignedHeaders are not sorted, unique, lower case: {';'.join(signed)}")
    must = {"host", "x-amz-date"}
    must |= {key.lower() for key, _ in request.headers if key.lower().startswith("x-amz-")}
    missing = must - set(signed)
    if missing:
        raise mismatch(f"not signed: {', '.join(sorted(missing))}")
    for name in must:
        if sum(key.lower() == name for key, _ in request.headers) != 1:
            raise mismatch(f"{name} must be there once")


def check_scope(scope, stamp, service, region):
    date, its_region, its_service, end = scope
    if date != stamp[:8] or end != "aws4_request":
        raise Refused(403, "SignatureDoesNotMatch", "Credential should be scoped with a valid terminator: 'aws4_request', "
                      "and its date should be that of the request.", "/".join(scope))
    if service and its_service != service:
        raise Refused(403, "SignatureDoesNotMatch", f"Credential should be scoped to correct service: '{service}'.",
                      its_service)
    if region and its_region != region:
        raise Refused(403, "SignatureDoesNotMatch", f"Credential should be scoped to a valid region, not '{its_region}'.")


def verify(request, find_key, now, service=None, region=None):
    """The Credential of a request whose signature is right, else Refused as AWS would answer.

    find_key(key_id) gives (secret, session token or None), or raises Refused. now: seconds since 1970.
    service, region: those that the credential must be scoped to; None = any.
    """
    header = request.header("authorization")
    if header is None:
        raise Refused(403, "MissingAuthenticationToken", "Missing Authentication Token")
    found = AUTHORIZATION.match(header)
    scope = found.group(1).split("/")[1:] if found else ()
    if len(scope) != 4:
        raise Refused(400, "IncompleteSignature", "Authorization header requires 'Credential', 'SignedHeaders' and "
                      "'Signature' parameters.", header.split(" ")[0])
    key_id, signed = found.group(1).split("/")[0], tuple(found.group(2).split(";"))
    check_signed_headers(request, signed)
    stamp = request.header("x-amz-date")
    check_clock(stamp, now)
    check_scope(scope, stamp, service, region)
    secret, token = find_key(key_id)
    if token != request.header("x-amz-security-token"):
        raise Refused(403, "InvalidClientTokenId", "The security token included in the request is invalid.",
                      "the session token is not that of the key" if token else "a token with a key that has none")
    text = string_to_sign(request, signed, stamp, "/".join(scope))
    if not hmac.compare_digest(signature(secret, "/".join(scope), text), found.group(3)):
        raise mismatch("string to sign:\n" + text)
    return Credential(key_id, scope[1], scope[2], signed)
