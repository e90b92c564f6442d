# SPDX-License-Identifier: Apache-2.0
"""What deploy/ holds and docs/security.md says, read: for the tests of the chart. Needs PyYAML."""

import collections
import os
import re

import yaml

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHART = os.path.join(ROOT, "deploy/helm/drainsnoop")
MANIFEST = os.path.join(ROOT, "deploy/manifests/drainsnoop.yaml")
NAMESPACE = "drainsnoop"
ACCOUNTS = {"agent": "drainsnoop-agent", "targets": "drainsnoop-targets"}

# One right: a verb on one kind of resource, in the cluster or in the own namespace; name "" is every object.
Right = collections.namedtuple("Right", "where group resource name verb")

# Values that the schema must refuse, and the word that must be in the complaint.
WRONG_VALUES = (
    ({"agnet": {}}, "agnet"),
    ({"agent": {"hostnetwork": False}}, "hostnetwork"),
    ({"agent": {"hostNetwork": "yes"}}, "hostNetwork"),
    ({"agent": {"capabilities": {"sysAdmin": True}}}, "sysAdmin"),
    ({"agent": {"seccompProfile": {"type": "None"}}}, "seccompProfile"),
    ({"agent": {"seccompProfile": {"type": "Localhost"}}}, "localhostProfile"),
    ({"agent": {"loadBalancerCidrs": ["the load balancer"]}}, "loadBalancerCidrs"),
    ({"agent": {"extraArgs": "--verbose"}}, "extraArgs"),
    ({"agent": {"extraEnv": [{"name": "X", "value": 1}]}}, "extraEnv"),
    ({"agent": {"resources": {"limits": {"memory": "lots"}}}}, "memory"),
    ({"agent": {"updateStrategy": {"type": "Recreate"}}}, "updateStrategy"),
    ({"agent": {"tolerations": [{"operator": "exists"}]}}, "operator"),
    ({"image": {"digest": "sha256:abc"}}, "digest"),
    ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
    ({"image": {"pullSecrets": ["registry"]}}, "pullSecrets"),
    ({"metrics": {"port": 0}}, "port"),
    ({"metrics": {"labels": "pod"}}, "labels"),
    ({"metrics": {"maxSeries": 0}}, "maxSeries"),
    ({"metrics": {"maxSeries": 65537}}, "maxSeries"),
    ({"metrics": {"address": "localhost"}}, "address"),
    ({"state": {"hostPath": "var/lib/drainsnoop"}}, "hostPath"),
    ({"aws": {"rate": 0}}, "rate"),
    ({"aws": {"rate": 1001}}, "rate"),
    ({"aws": {"region": "Frankfurt"}}, "region"),
    ({"agent": {"extraVolumes": [{"emptyDir": {}}]}}, "name"),
    ({"targets": {"extraVolumeMounts": {"name": "x"}}}, "extraVolumeMounts"),
    ({"targets": {"replicas": -1}}, "replicas"),
    ({"podMonitor": {"interval": "often"}}, "interval"))


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def objects(text):
    return [thing for thing in yaml.safe_load_all(text) if thing]


def find(things, kind, name=None):
    """The one object of that kind."""
    found = [t for t in things if t["kind"] == kind and name in (None, t["metadata"]["name"])]
    if len(found) != 1:
        raise AssertionError(f"{len(found)} objects of kind {kind} {name or ''}")
    return found[0]


def options(container):
    """What it gives the program as variables: those that need not be looked up."""
    return {entry["name"]: entry["value"] for entry in container["env"] if "value" in entry}


def expand(where, rules):
    """The rights that rules give, one by one."""
    for rule in rules:
        unknown = set(rule) - {"apiGroups", "resources", "verbs", "resourceNames"}
        if unknown:
            raise AssertionError(f"a rule with {unknown}")
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames") or [""]:
                    for verb in rule["verbs"]:
                        yield Right(where, group, resource, name, verb)


def rights_given(things, part):
    """What a part's ServiceAccount may do by the roles that are bound to it."""
    given, account = set(), ACCOUNTS[part]
    for binding in things:
        if not binding["kind"].endswith("RoleBinding"):
            continue
        for subject in binding["subjects"]:
            if (subject["kind"], subject["name"], subject["namespace"]) == ("ServiceAccount", account, NAMESPACE):
                role = find(things, binding["roleRef"]["kind"], binding["roleRef"]["name"])
                where = "own namespace" if binding["kind"] == "RoleBinding" else "cluster"
                given |= set(expand(where, role["rules"]))
    return given


def table(text, heading):
    """The rows of the first table under a heading of Markdown."""
    return tables(text, heading)[0]


def tables(text, heading):
    section = text[text.index(f"\n## {heading}\n"):].split("\n## ")[1]
    return [[[cell.strip() for cell in row.strip("|").split("|")] for row in rows.strip().split("\n")[2:]]
            for rows in re.findall(r"(?m)(?:^\|.*\n)+", section)]


def rights_told(part, optional=False):
    """What docs/security.md says of them; optional: of those that one value gives."""
    told = set()
    always, more = tables(read("docs/security.md"), "Rights in the cluster")
    for account, where, group, resources, verbs, why, leak in more if optional else always:
        if not why or not leak:
            raise AssertionError(f"docs/security.md does not say why {account} has {resources}")
        if account != part:
            continue
        for resource in resources.split(", "):
            kind, name = re.fullmatch(r"(\w+)(?: \(([\w.-]+)\))?", resource).groups()
            told |= {Right(where, "" if group == "core" else group, kind, name or "", verb)
                     for verb in verbs.split(", ")}
    return told
