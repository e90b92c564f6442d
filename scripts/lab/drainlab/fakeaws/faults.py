# SPDX-License-Identifier: Apache-2.0
"""What breaks a reply. A fault is a name and, for some, a number; it meets calls of one action, or all, so many times."""

import dataclasses
import random
import threading

MEGABYTE = 1 << 20

BOMB = ('<?xml version="1.0"?>\n<!DOCTYPE lolz [<!ENTITY l0 "lol">' + "".join(
    f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10)) +
    "]>\n<DescribeTargetHealthResponse><State>&l9;</State></DescribeTargetHealthResponse>")
OUTSIDE = ('<?xml version="1.0"?>\n<!DOCTYPE r [<!ENTITY file SYSTEM "file:///etc/passwd">]>\n'
           "<DescribeTargetHealthResponse><State>&file;</State></DescribeTargetHealthResponse>")
QUADRATIC = ('<?xml version="1.0"?>\n<!DOCTYPE r [<!ENTITY a "' + "a" * 50000 + '">]>\n<r>' + "&a;" * 5000 + "</r>")

# name: what it does to the reply. The number is the fault's own, where it says so.
KINDS = {
    "delay": "the reply comes so many seconds late",
    "stall": "no reply, the connection stays open",
    "trickle": "so many bytes a second",
    "reset": "RST in place of a reply",
    "empty": "FIN in place of a reply",
    "cut": "FIN in the middle of the body",
    "no_http": "bytes that are not HTTP",
    "garbage": "200 with bytes that are not XML",
    "html": "503 with a page of HTML, as a proxy gives it",
    "malformed": "200 with XML that ends in the middle of an element",
    "deep": "200 with elements 100,000 deep",
    "bomb": "200 with entities that expand to gigabytes",
    "outside": "200 with an entity that is a file of the reader's",
    "quadratic": "200 with one long entity, used often",
    "huge": "200 with so many megabytes of well-formed XML (10)",
    "endless": "200 with a body that never ends, in chunks",
    "redirect": "302 to the fault's url",
    "error": "the fault's status, code and message",
}


@dataclasses.dataclass
class Fault:
    kind: str
    action: str = None          # None: any, metadata too
    times: int = None           # None: until it is removed
    number: float = 0
    status: int = 500
    code: str = "InternalFailure"
    message: str = "The request processing has failed because of an unknown error"
    url: str = ""
    headers: dict = dataclasses.field(default_factory=dict)
    met: int = 0


class Faults:
    def __init__(self):
        self.lock, self.known = threading.Lock(), []

    def add(self, kind, **how):
        if kind not in KINDS:
            raise ValueError(kind)
        fault = Fault(kind, **how)
        with self.lock:
            self.known.append(fault)
        return fault

    def remove(self, fault):
        with self.lock:
            self.known.remove(fault)

    def clear(self):
        with self.lock:
            self.known.clear()

    def meet(self, action):
        """The fault that this call meets, or None."""
        with self.lock:
            for fault in self.known:
                if fault.action in (None, action) and (fault.times is None or fault.met < fault.times):
                    fault.met += 1
                    return fault
        return None


def body(fault, good):
    """What stands in place of a good body; None: this fault is not one of the body."""
    if fault.kind == "garbage":
        return random.Random(5).randbytes(3000)
    if fault.kind == "html":
        return b"<html><head><title>503 Service Temporarily Unavailable</title></head><body><hr></body></html>"
    if fault.kind == "malformed":
        return good[:len(good) * 2 // 3].rpartition(b"<")[0] + b"<Sta"
    if fault.kind == "deep":
        return b"<r>" * 100_000 + b"</r>" * 100_000
    if fault.kind == "huge":
        filler = b"<member><Target><Id>10.0.0.1</Id><Port>80</Port></Target></member>"
        count = int((fault.number or 10) * MEGABYTE / len(filler))
        return (b"<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions>" + filler * count +
                b"</TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>")
    texts = {"bomb": BOMB, "outside": OUTSIDE, "quadratic": QUADRATIC}
    return texts[fault.kind].encode() if fault.kind in texts else None
