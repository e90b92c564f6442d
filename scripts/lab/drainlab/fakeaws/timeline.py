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
    """The states of one target: [(from when, state or None for not registered)], in order."""

    def __init__(self):
        self.steps = []

    def _set(self, at, state):
        """From then on; what was to follow does not happen any more."""
        self.steps = [step for step in self.steps if step[0] <= at]
        self.steps.append((at, state))

    def register(self, now, initial):
        self._set(now, "initial")
        self.steps.append((now + initial, "healthy"))

    def deregister(self, now, delay):
        """Draining is shown until the delay has passed; without a delay it is gone at once."""
        if self.state(now) is None:
            return      # not an error, as of an unknown target
        if delay:
            self._set(now, "draining")
        self._set(now + delay, None)

    def script(self, now, steps):
        """[(seconds from now, state or None)]: whatever a test wants to be seen."""
        for after, state in steps:
            self._set(now + after, state)

    def state(self, now, lag=0.0):
        """What a replica shows that is so much behind; None: not registered."""
        shown = None
        for at, state in self.steps:
            if at <= now - lag:
                shown = state
        return shown
