# SPDX-License-Identifier: Apache-2.0
"""kube-proxy's stand-in on one node: the nftables rules of one Service with a NodePort.

Tables, chains, marks and hooks as kube-proxy's nftables mode writes them (pkg/proxy/nftables): a chain
for the Service, one for each endpoint, policy Cluster masquerades and policy Local does not; without an
endpoint a new connection is rejected with ICMP, with none on this node under policy Local it is dropped.
Connections that exist keep what conntrack knows of them, whatever the rules say by then.
"""

import hashlib

NODE_PORT, HEALTHZ = 30080, 10256
SERVICE = "default/web/tcp/http"
AFFINITY_SECONDS = 10800

BASE = """\
table {family} kube-proxy {{
    set nodeport-ips {{ type {address}; }}
    map no-endpoint-nodeports {{ type inet_proto . inet_service : verdict; }}
    map service-nodeports {{ type inet_proto . inet_service : verdict; }}
    chain reject-chain {{ }}
    chain mark-for-masquerade {{ }}
    chain masquerading {{ }}
    chain services {{ }}
    chain nodeport-endpoints-check {{ }}
    chain service-{id} {{ }}
    chain external-{id} {{ }}
    chain filter-input {{ type filter hook input priority -110; policy accept; }}
    chain filter-forward {{ type filter hook forward priority -110; policy accept; }}
    chain nat-prerouting {{ type nat hook prerouting priority dstnat; policy accept; }}
    chain nat-output {{ type nat hook output priority -100; policy accept; }}
    chain nat-postrouting {{ type nat hook postrouting priority srcnat; policy accept; }}
}}
flush table {family} kube-proxy
table {family} kube-proxy {{
    chain reject-chain {{ reject; }}
    chain mark-for-masquerade {{ mark set mark or 0x4000; }}
    chain masquerading {{
        mark and 0x4000 == 0 return
        mark set mark xor 0x4000
        masquerade fully-random
    }}
    chain services {{
        {family} daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
    }}
    chain nodeport-endpoints-check {{
        {family} daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
    }}
    chain filter-input {{ ct state new jump nodeport-endpoints-check; }}
    chain nat-prerouting {{ jump services; }}
    chain nat-output {{ jump services; }}
    chain nat-postrouting {{ jump masquerading; }}
}}
flush set {family} kube-proxy nodeport-ips
flush map {family} kube-proxy no-endpoint-nodeports
flush map {family} kube-proxy service-nodeports
add element {family} kube-proxy nodeport-ips {{ {node} }}
"""


class KubeProxy:
    """`netns`, `address`: the node's. `local(endpoint)`: whether the endpoint is one of this node."""

    def __init__(self, netns, address, ipv6, policy, affinity, local):
        self.netns, self.address, self.policy, self.affinity = netns, address, policy, affinity
        self.family, self.type = ("ip6", "ipv6_addr") if ipv6 else ("ip", "ipv4_addr")
        self.local = local
        digest = hashlib.sha256(SERVICE.encode()).hexdigest()[:8].upper()
        self.id = f"{digest}-{SERVICE}"

    def sync(self, endpoints):
        """Writes the rules for these endpoints (addresses of pods, anywhere in the cluster) in one transaction."""
        usable = [e for e in endpoints if self.policy == "Cluster" or self.local(e)]
        text = BASE.format(family=self.family, address=self.type, id=self.id, node=self.address)
        self.netns.nft(text + (self._service(usable) if usable else self._nowhere(endpoints)))

    def _nowhere(self, endpoints):
        """Local without one here drops where others have one; without any at all everybody rejects."""
        verdict = "drop" if self.policy == "Local" and endpoints else "goto reject-chain"
        return f"add element {self.family} kube-proxy no-endpoint-nodeports {{ tcp . {NODE_PORT} : {verdict} }}\n"

    def _service(self, endpoints):
        family, head = self.family, f"add rule {self.family} kube-proxy"
        chains = [f"endpoint-{self.id}__{address.replace(':', '.')}/8080" for address in endpoints]
        lines = []
        for address, chain in zip(endpoints, chains):
            to = f"[{address}]:8080" if ":" in address else f"{address}:8080"
            lines += [f"add chain {family} kube-proxy {chain}",
                      f"{head} {chain} {family} saddr {address} jump mark-for-masquerade"]
            if self.affinity:
                lines += [f"add set {family} kube-proxy affinity-{chain} {{ type {self.type}; "
                          f"flags dynamic,timeout; timeout {AFFINITY_SECONDS}s; }}",
                          f"{head} {chain} update @affinity-{chain} {{ {family} saddr }}",
                          f"{head} service-{self.id} {family} saddr @affinity-{chain} goto {chain}"]
            lines.append(f"{head} {chain} meta l4proto tcp dnat to {to}")
        ways = ", ".join(f"{number} : goto {chain}" for number, chain in enumerate(chains))
        lines.append(f"{head} service-{self.id} numgen random mod {len(chains)} vmap {{ {ways} }}")
        if self.policy == "Cluster":
            lines.append(f"{head} external-{self.id} jump mark-for-masquerade")
        lines += [f"{head} external-{self.id} goto service-{self.id}",
                  f"add element {family} kube-proxy service-nodeports "
                  f"{{ tcp . {NODE_PORT} : goto external-{self.id} }}"]
        return "\n".join(lines) + "\n"

    def remove(self):
        """kube-proxy --cleanup, or a node that never had it."""
        self.netns.nft(f"add table {self.family} kube-proxy\ndelete table {self.family} kube-proxy")
