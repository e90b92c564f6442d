# SPDX-License-Identifier: Apache-2.0
"""A target's states over time. Pure: times are given, in seconds.

What is done to a target takes effect at once; readers see it later, each replica of the service after a lag
of its own (eventual consistency): of two answers, the later may be the older one.
"""

# state: (reason, description), as the service words them.
WORDS = {
    "initial": ("Elb.RegistrationInProgress", "Target registration is in progress"),
    "healthy": (None, None),
    "unhealthy": ("Target.Timeout", "Request timed out"),
    "unhealthy.draining": ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
    "draining": ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
    "unused": ("Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"),
    "unavailable": ("Target.HealthCheckDisabled", "Health checks are not supported for this target"),
}
NOT_REGISTERED = ("unused", "Target.NotRegistered", "Target is not registered to the target group")


class Timeline:
    """The states of one target."""

    def __init__(self):
        self.steps = []     # (from when, state or None for not registered); of what has come, the last one added counts

    def register(self, now, initial):
        self.steps += [(now, "initial"), (now + initial, "healthy")]

    def deregister(self, now, delay):
        """Draining is shown until the delay has passed, whatever still runs. Of an unknown target it is no error."""
        if self.state(now) is not None:
            self.steps += [(now, "draining"), (now + delay, None)]

    def script(self, now, steps):
        """[(seconds from now, state or None)]: whatever a test wants to be seen."""
        self.steps += [(now + after, state) for after, state in steps]

    def state(self, now, lag=0.0):
        """What a replica shows that is so much behind; None: not registered."""
        shown = None
        for at, state in self.steps:
            if at <= now - lag:
                shown = state
        return shown
