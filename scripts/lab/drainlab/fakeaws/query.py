# SPDX-License-Identifier: Apache-2.0
"""The query protocol of AWS: a form in, XML out. Strict: a parameter that the action does not have is an error,
so that a misspelt one does not pass unseen."""

import re
import urllib.parse
from xml.sax.saxutils import escape

from .sigv4_verify import Refused

FORM = "application/x-www-form-urlencoded"


class Text(str):
    """XML that is not to be escaped again."""


def element(name, *content, **children):
    """<name>content</name>; children: elements of one text each, None for one that is left out."""
    inner = "".join(part if isinstance(part, Text) else escape(str(part)) for part in content)
    inner += "".join(element(key, str(value).lower() if isinstance(value, bool) else value)
                     for key, value in children.items() if value is not None)
    return Text(f"<{name}>{inner}</{name}>")


def members(name, parts, item="member"):
    return element(name, *(element(item, part) for part in parts))


def invalid(message, code="ValidationError"):
    return Refused(400, code, message)


class Form:
    """The parameters of a call; each must be read by the action: rest() has those that were not."""

    def __init__(self, body):
        try:
            pairs = urllib.parse.parse_qsl(body.decode("ascii"), keep_blank_values=True, strict_parsing=True,
                                           max_num_fields=5000)
        except (UnicodeDecodeError, ValueError):
            raise Refused(404, "MalformedQueryString", "The query string contains a syntax error.") from None
        self.all = dict(pairs)
        if len(self.all) != len(pairs):
            raise Refused(400, "InvalidParameterCombination", "A parameter is there twice.")
        self.left = set(self.all)
        self.action, self.version = self.take("Action"), self.take("Version")

    def take(self, name, default=None):
        self.left.discard(name)
        return self.all.get(name, default)

    def must(self, name):
        value = self.take(name)
        if not value:
            raise invalid(f"The request must contain the parameter {name}.", "MissingParameter")
        return value

    def number(self, name, default, least, most):
        text = self.take(name)
        if text is None:
            return default
        if not re.fullmatch(r"\d{1,9}", text) or not least <= int(text) <= most:
            raise invalid(f"{name} must be between {least} and {most}.")
        return int(text)

    def texts(self, prefix):
        """The values of prefix.1, prefix.2, ..."""
        found = []
        while (value := self.take(f"{prefix}.{len(found) + 1}")) is not None:
            found.append(value)
        return found

    def structures(self, prefix, *names):
        """[{name: value}] of prefix.1.name ..., numbered from 1 without a gap."""
        found = []
        while True:
            one = {name: self.take(f"{prefix}.{len(found) + 1}.{name}") for name in names}
            if not any(value is not None for value in one.values()):
                return found
            found.append(one)

    def rest(self):
        """Refuses what no part of the action has asked for."""
        if self.left:
            raise invalid(f"Unknown parameter: {', '.join(sorted(self.left))}", "MalformedInput")


def page(form, things, name_of):
    """A page of things by Marker and PageSize: (those of it, the next marker or None)."""
    size, marker = form.number("PageSize", 400, 1, 400), form.take("Marker")
    if marker is not None:
        names = [name_of(thing) for thing in things]
        if marker not in names:
            raise invalid("Invalid marker")
        things = things[names.index(marker):]
    return things[:size], name_of(things[size]) if len(things) > size else None


def answer(namespace, action, result, request_id):
    """The reply of an action: result is the content of its ...Result element."""
    return (f'<{action}Response xmlns="{namespace}">' + element(action + "Result", *result) +
            element("ResponseMetadata", RequestId=request_id) + f"</{action}Response>")


def error(namespace, refused, request_id):
    """ErrorResponse, as Elastic Load Balancing and STS write it."""
    kind = "Sender" if refused.status < 500 else "Receiver"
    return (f'<ErrorResponse xmlns="{namespace}">' +
            element("Error", Type=kind, Code=refused.code, Message=refused.message) +
            element("RequestId", request_id) + "</ErrorResponse>")


def error_ec2(refused, request_id):
    """EC2 has a form of its own."""
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + element(
        "Response", element("Errors", element("Error", Code=refused.code, Message=refused.message)),
        element("RequestID", request_id)))
