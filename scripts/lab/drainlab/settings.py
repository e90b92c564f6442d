# SPDX-License-Identifier: Apache-2.0
"""What a run is asked to do: the defaults, what a scenario changes, what the command line changes."""

import dataclasses
import math


@dataclasses.dataclass
class Settings:
    """All times in seconds. Those in SCALED are multiplied by scale; the kernel's timers never are."""

    pods: int = 1               # replicas; every one of them is replaced
    rate: float = 40.0          # requests a second
    ipv6: bool = False
    dual: bool = False          # pods have an IPv6 address besides, the balancer sends to both
    scale: float = 1.0

    lag: float = 2.5            # from the deletion to the moment the data plane stops sending
    controller_lag: float = 0.4  # the part of it that passes before the deregistration call
    prestop: float = 0.0        # sleep of the preStop hook; 0 = no hook
    grace: float = 10.0         # terminationGracePeriodSeconds
    delay: float = 6.0          # the target group's deregistration delay
    initial: float = 0.0        # a new target is checked for so long before it is healthy
    tail: float = 2.0           # clients go on for so long after the last data plane drain
    settle: float = 5.0         # drainsnoop --settle
    linger: float = 0.0         # a sidecar keeps the sandbox alive for so long after SIGTERM

    server: str = "nginx"       # nginx, holding (reads, answers late), peeking (reads late), gate (obeys)
    keepalive: float = 75.0     # idle timeout of the server's connections
    # haproxy, tinylb (writes on connections whose FIN it has), nlb (keeps the client's address),
    # nlb_front (does not)
    balancer: str = "haproxy"
    resets: bool = False        # the load balancer (tinylb) resets what is open at drain + delay
    eni: str = "primary"        # where the pods' addresses live: primary, secondary, both, branch
    rp_filter: str = "loose"    # of the secondary interface: loose, strict
    # What covers a released address: subnet (ARP fails), blackhole, unreachable, none (no route),
    # default (only the way out), tc and xdp (the CNI's filter on the uplink drops it)
    release: str = "subnet"
    release_by: str = "cni"     # how it goes: cni (rules, then the route), link (the veth alone)
    route_after: float = 0.0    # the route goes so many seconds after the rules
    icmp_limit: bool = True     # the kernel's limit on the ICMP that the node sends
    redirects: bool = False     # the node sends ICMP redirects, which eat into the unreachables
    retries: int = 0            # of HAProxy, after a refused connection
    redispatch: bool = False    # each of them to another server
    pool: int = 8               # connections that tinylb keeps for each server
    checks_on_traffic: bool = False  # health checks on the traffic's port, not on one of their own
    probe_period: float = 1.0   # of the kubelet's probes and an ALB's health checks
    check_interval: int = 1     # of an NLB's nodes, s
    check_style: str = "rst"    # how they check: rst, fin (connect and end), http (one request)
    quiet_nodes: int = 0        # so many of the balancer's nodes do not check; the first has the traffic
    proxy_header: bool = False  # nlb_front writes a PROXY protocol header, the pods' nginx expects it
    kept: int = 0               # the clients keep so many connections; 0: one for each request
    early: bool = False         # a target gets connections before it is healthy
    sandbox_delay: float = 0.15  # the runtime's own time between the last container and CNI DEL
    cgroup: int = 2             # version of the hierarchy in which the containers are
    state: bool = False         # drainsnoop keeps a state file, so that it can be started again
    told_by: str = ""           # who tells of deregistrations: "" = events; else of controller_log,cloudtrail,csv,elb
    nodes: int = 1              # 2: another node of the cluster, which drainsnoop does not watch
    target: str = "ip"          # what the target group's targets are: ip, instance (nodes and a NodePort)
    policy: str = "Cluster"     # externalTrafficPolicy of the NodePort's Service: Cluster, Local
    targets: tuple = ("node",)  # the nodes that are instance targets from the start: node, node2
    sync: float = 0.5           # kube-proxy writes its rules so long after the endpoints changed
    affinity: bool = False      # sessionAffinity: ClientIP
    reuse: str = "always"       # HAProxy's http-reuse; never: a connection for every request
    replace: bool = True        # a rolling update: a new pod is ready before an old one goes

    SCALED = ("lag", "controller_lag", "prestop", "grace", "delay", "initial", "tail", "settle")
    WHOLE = ("prestop", "grace", "delay")  # Kubernetes and AWS know whole seconds only

    def scaled(self):
        """A copy with the scale applied."""
        new = dataclasses.replace(self)
        for name in self.SCALED:
            value = getattr(self, name) * self.scale
            if name in self.WHOLE:
                value = float(math.ceil(value - 1e-9))
            setattr(new, name, value)
        new.grace = max(new.grace, 1.0)
        new.controller_lag = min(new.controller_lag, new.lag)
        return new

    @property
    def family(self):
        return "ipv6" if self.ipv6 else "ipv4"
