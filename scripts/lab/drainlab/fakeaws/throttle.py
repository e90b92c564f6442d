# SPDX-License-Identifier: Apache-2.0
"""The token bucket that an account has for calls that change nothing, and one for those that do."""

import threading
import time
from email.utils import formatdate


class Bucket:
    """`burst` calls at once, then `rate` a second. rate None: no limit."""

    def __init__(self, rate=None, burst=40.0):
        self.rate, self.burst = rate, burst
        self.level, self.at = burst, time.monotonic()
        self.lock = threading.Lock()

    def take(self):
        """False if there is none left."""
        if self.rate is None:
            return True
        with self.lock:
            now = time.monotonic()
            self.level = min(self.burst, self.level + (now - self.at) * self.rate)
            self.at = now
            if self.level < 1:
                return False
            self.level -= 1
            return True


class Throttle:
    """Which reply a call gets that is one too many. retry_after: None, "seconds" or "date" with that many
    seconds: the header Retry-After in either form that HTTP has."""

    def __init__(self):
        self.reads, self.writes = Bucket(), Bucket()
        self.code, self.message, self.status = "Throttling", "Rate exceeded", 400
        self.retry_after, self.seconds = None, 2

    def limit(self, rate, burst, retry_after=None, seconds=2):
        self.retry_after, self.seconds = retry_after, seconds
        self.reads = Bucket(rate, burst)

    def lift(self):
        self.reads = Bucket()

    def take(self, action):
        return (self.reads if action.startswith("Describe") else self.writes).take()

    def headers(self, now):
        if self.retry_after == "seconds":
            return {"Retry-After": str(self.seconds)}
        if self.retry_after == "date":
            return {"Retry-After": formatdate(now + self.seconds, usegmt=True)}
        return {}
