# SPDX-License-Identifier: Apache-2.0
"""EC2 (2016-11-15): DescribeNetworkInterfaces, which tells the addresses of load balancers."""

import fnmatch

from .query import Text, element, invalid, members

VERSION, SERVICE = "2016-11-15", "ec2"
NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
ACTIONS = ("DescribeNetworkInterfaces",)


class Ec2:
    """The interfaces of elb's load balancers, one for each address, and others that are none of theirs."""

    def __init__(self, elb):
        self.elb = elb
        self.others = []        # [(description, address)]

    def _interfaces(self):
        found = []
        for balancer in self.elb.load_balancers.values():
            kind = "network_load_balancer" if balancer.kind == "network" else "interface"
            found += [{"description": balancer.description, "interface-type": kind, "requester-id": "amazon-elb",
                       "addresses.private-ip-address": address} for address in balancer.addresses]
        found += [{"description": description, "interface-type": "interface", "requester-id": None,
                   "addresses.private-ip-address": address} for description, address in self.others]
        return [interface | {"network-interface-id": f"eni-{number:017x}"} for number, interface in enumerate(found, 1)]

    @staticmethod
    def _filters(form):
        wanted = {}
        while name := form.take(f"Filter.{len(wanted) + 1}.Name"):
            wanted[name] = form.texts(f"Filter.{len(wanted) + 1}.Value")
        return wanted

    @staticmethod
    def _described(one):
        address = one["addresses.private-ip-address"]
        six = ":" in address
        private = [] if six else [Text(element("privateIpAddress", address) + element("primary", "true"))]
        return Text(element("networkInterfaceId", one["network-interface-id"]) + element("subnetId", "subnet-01") +
                    element("vpcId", "vpc-0a1b2c3d") + element("availabilityZone", "eu-central-1a") +
                    element("description", one["description"]) + element("ownerId", "123456789012") +
                    (element("requesterId", one["requester-id"]) if one["requester-id"] else "") +
                    element("requesterManaged", "true" if one["requester-id"] else "false") +
                    element("status", "in-use") + element("macAddress", "02:00:00:00:00:01") +
                    ("" if six else element("privateIpAddress", address)) + element("sourceDestCheck", "true") +
                    element("groupSet") + members("privateIpAddressesSet", private, "item") +
                    members("ipv6AddressesSet", [Text(element("ipv6Address", address))] if six else [], "item") +
                    element("interfaceType", one["interface-type"]))

    def DescribeNetworkInterfaces(self, form):
        found = self._interfaces()
        for name, values in self._filters(form).items():
            if name not in found[0] if found else False:
                raise invalid(f"The filter '{name}' is invalid", "InvalidParameterValue")
            found = [one for one in found if any(fnmatch.fnmatchcase(one[name] or "", value) for value in values)]
        size, token = form.number("MaxResults", 1000, 5, 1000), form.take("NextToken")
        begin = int(token) if (token or "").isdigit() else 0
        more = [element("nextToken", begin + size)] if len(found) > begin + size else []
        return [members("networkInterfaceSet", [self._described(one) for one in found[begin:begin + size]], "item"), *more]


def answer(action, result, request_id):
    """EC2 wraps differently: no ...Result, requestId in front."""
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + f'<{action}Response xmlns="{NAMESPACE}">' +
            element("requestId", request_id) + "".join(result) + f"</{action}Response>")
