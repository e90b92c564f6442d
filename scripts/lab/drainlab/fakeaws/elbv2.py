# SPDX-License-Identifier: Apache-2.0
"""Elastic Load Balancing v2 (2015-12-01): target groups, their targets and load balancers."""

import ipaddress
import itertools
import secrets
import threading

from .query import Text, element, invalid, members, page
from .sigv4_verify import Refused
from .timeline import NOT_REGISTERED, WORDS, Timeline

VERSION, SERVICE = "2015-12-01", "elasticloadbalancing"
NAMESPACE = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"
LIFE = 3600     # a target that is gone for so long (s) is forgotten


class TargetGroup:
    """One target group. delay: deregistration delay, s. lags: how far behind (s) each replica of the service is
    that readers meet in turn."""

    def __init__(self, elb, name, arn, delay, port, target_type, check_port, check_interval, attributes, lags):
        self.elb, self.name, self.arn, self.delay, self.port = elb, name, arn, delay, port
        self.target_type, self.check_port, self.check_interval = target_type, check_port, check_interval
        self.attributes = {"deregistration_delay.timeout_seconds": str(int(delay)), **(attributes or {})}
        self.lags = itertools.cycle(lags)
        self.load_balancers = []
        self.targets = {}       # (id, port): Timeline

    # what the laboratory does

    def _change(self, target_id, port, change):
        with self.elb.lock:
            now = self.elb.clock()
            change(self.targets.setdefault((target_id, port or self.port), Timeline()), now)
            self.targets = {key: timeline for key, timeline in self.targets.items()
                            if timeline.state(now) or not timeline.steps or now - timeline.steps[-1][0] < LIFE}

    def register(self, target_id, port=None, initial=0.0):
        self._change(target_id, port, lambda line, now: line.register(now, initial))

    def deregister(self, target_id, port=None):
        self._change(target_id, port, lambda line, now: line.deregister(now, self.delay))

    def script(self, target_id, port, steps):
        """[(seconds from now, state or None for not registered)]"""
        self._change(target_id, port, lambda line, now: line.script(now, steps))

    # what readers see

    def _health(self, key, shown):
        target_id, port = key
        state, reason, text = (shown, *WORDS[shown]) if shown else NOT_REGISTERED
        check = port if self.check_port == "traffic-port" else self.check_port
        return Text(element("Target", Id=target_id, Port=port, AvailabilityZone="all" if shown else None) +
                    (element("HealthCheckPort", check) if shown else "") +
                    element("TargetHealth", State=state, Reason=reason, Description=text) +
                    (element("AdministrativeOverride", State="no_override",
                             Reason="AdministrativeOverride.NoOverride",
                             Description="No override is currently active on target") if shown else ""))

    def health(self, asked):
        """The members of the answer: all registered ones, or those that are asked for, whatever they are."""
        with self.elb.lock:
            now, lag = self.elb.clock(), next(self.lags)
            shown = {key: timeline.state(now, lag) for key, timeline in self.targets.items()}
        keys = asked or [key for key, state in shown.items() if state]
        return [self._health(key, shown.get(key)) for key in keys]

    def described(self):
        return Text(element("TargetGroupArn", self.arn) + element("TargetGroupName", self.name) + "".join(
            element(key, value) for key, value in (
                ("Protocol", "HTTP"), ("ProtocolVersion", "HTTP1"), ("Port", self.port), ("VpcId", "vpc-0a1b2c3d"),
                ("HealthCheckProtocol", "HTTP"), ("HealthCheckPort", self.check_port), ("HealthCheckEnabled", "true"),
                ("HealthCheckIntervalSeconds", self.check_interval), ("HealthCheckTimeoutSeconds", 5),
                ("HealthyThresholdCount", 5), ("UnhealthyThresholdCount", 2), ("HealthCheckPath", "/"))) +
            element("Matcher", HttpCode="200") + members("LoadBalancerArns", self.load_balancers) +
            element("TargetType", self.target_type) + element("IpAddressType", "ipv4"))


class LoadBalancer:
    """kind: application or network. addresses: of its network interfaces, which EC2 tells."""

    def __init__(self, name, arn, kind, addresses):
        self.name, self.arn, self.kind, self.addresses = name, arn, kind, list(addresses)
        self.description = "ELB " + arn.partition("loadbalancer/")[2]

    def described(self):
        return Text(element("LoadBalancerArn", self.arn) + element("DNSName", f"{self.name}-1.elb.invalid") +
                    element("CanonicalHostedZoneId", "Z215JYRZR1TBD5") + element("CreatedTime", "2026-01-02T03:04:05.670Z") +
                    element("LoadBalancerName", self.name) + element("Scheme", "internal") +
                    element("VpcId", "vpc-0a1b2c3d") + element("State", Code="active") + element("Type", self.kind) +
                    members("AvailabilityZones", [Text(element("ZoneName", "eu-central-1a") +
                                                       element("SubnetId", "subnet-01") +
                                                       element("LoadBalancerAddresses"))]) +
                    members("SecurityGroups", ["sg-01"]) + element("IpAddressType", "ipv4"))


class Elb:
    def __init__(self, clock, region, account):
        self.clock, self.region, self.account = clock, region, account
        self.lock = threading.RLock()
        self.groups, self.load_balancers = {}, {}

    def _arn(self, kind, name):
        return f"arn:aws:elasticloadbalancing:{self.region}:{self.account}:{kind}/{name}/{secrets.token_hex(8)}"

    def add_group(self, name, arn=None, delay=300, port=80, target_type="ip", check_port="traffic-port",
                  check_interval=30, attributes=None, lags=(0.0,)):
        arn = arn or self._arn("targetgroup", name)
        group = self.groups[arn] = TargetGroup(self, name, arn, delay, port, target_type, check_port, check_interval,
                                               attributes, lags)
        return group

    def add_load_balancer(self, name, addresses, groups=(), kind="application", arn=None):
        arn = arn or self._arn("loadbalancer/" + {"application": "app", "network": "net"}[kind], name)
        balancer = self.load_balancers[arn] = LoadBalancer(name, arn, kind, addresses)
        for group in groups:
            group.load_balancers.append(arn)
        return balancer

    def _group(self, form):
        arn = form.must("TargetGroupArn")
        if arn not in self.groups:
            if not arn.startswith("arn:") or ":targetgroup/" not in arn:
                raise invalid(f"'{arn}' is not a valid target group ARN")
            raise Refused(400, "TargetGroupNotFound", "One or more target groups not found")
        return self.groups[arn]

    @staticmethod
    def _targets(form, group):
        keys = []
        for target in form.structures("Targets.member", "Id", "Port", "AvailabilityZone"):
            port = target["Port"]
            if port is not None and (not port.isdigit() or not 1 <= int(port) <= 65535):
                raise invalid(f"'{port}' is not a valid port")
            try:
                if group.target_type == "ip":
                    ipaddress.ip_address(target["Id"] or "")
            except ValueError:
                raise invalid(f"The IP address '{target['Id']}' is not a valid IPv4 address") from None
            keys.append((target["Id"], int(port) if port else group.port))
        return keys

    def _some(self, form, group):
        targets = self._targets(form, group)
        if not targets:
            raise invalid("The request must contain the parameter Targets.", "MissingParameter")
        return targets

    # the actions: each gives the content of its ...Result

    def DescribeTargetHealth(self, form):
        group = self._group(form)
        asked = self._targets(form, group)
        form.texts("Include.member")
        return [members("TargetHealthDescriptions", group.health(asked))]

    def RegisterTargets(self, form):
        group = self._group(form)
        for target_id, port in self._some(form, group):
            group.register(target_id, port)
        return []

    def DeregisterTargets(self, form):
        group = self._group(form)
        for target_id, port in self._some(form, group):
            group.deregister(target_id, port)
        return []

    def DescribeTargetGroupAttributes(self, form):
        attributes = self._group(form).attributes.items()
        return [members("Attributes", [Text(element("Key", key) + element("Value", value)) for key, value in attributes])]

    def DescribeTargetGroups(self, form):
        arns, names = form.texts("TargetGroupArns.member"), form.texts("Names.member")
        balancer = form.take("LoadBalancerArn")
        known = list(self.groups.values())
        found = [group for group in known if (not arns or group.arn in arns) and (not names or group.name in names)
                 and (balancer is None or balancer in group.load_balancers)]
        if len(found) < len(set(arns)) or len(found) < len(set(names)):
            raise Refused(400, "TargetGroupNotFound", "One or more target groups not found")
        shown, marker = page(form, found, lambda group: group.arn)
        return [members("TargetGroups", [group.described() for group in shown]),
                *([element("NextMarker", marker)] if marker else [])]

    def DescribeLoadBalancers(self, form):
        arns, names = form.texts("LoadBalancerArns.member"), form.texts("Names.member")
        found = [one for one in self.load_balancers.values()
                 if (not arns or one.arn in arns) and (not names or one.name in names)]
        if len(found) < len(set(arns)) or len(found) < len(set(names)):
            raise Refused(400, "LoadBalancerNotFound", "One or more load balancers not found")
        shown, marker = page(form, found, lambda one: one.arn)
        return [members("LoadBalancers", [one.described() for one in shown]),
                *([element("NextMarker", marker)] if marker else [])]


ACTIONS = ("DescribeTargetHealth", "DescribeTargetGroups", "DescribeTargetGroupAttributes", "DescribeLoadBalancers",
           "RegisterTargets", "DeregisterTargets")
