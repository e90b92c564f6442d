# SPDX-License-Identifier: Apache-2.0
"""The command line of scripts/lab/kube."""

import argparse
import functools
import os
import pkgutil
import subprocess

from drainlab import cli
from drainlab.proc import LabError
from scenarios import Scenario

from . import node, scenarios
from .lab import ClusterLab

STORY = ["rollout", "prestop"]


def parser():
    p = argparse.ArgumentParser(
        prog="scripts/lab/kube", description="Plays rollouts on a real Kubernetes node in network namespaces, and "
        "measures drainsnoop by what the load balancer and its clients saw. Builds the cluster's programs "
        "first (scripts/kube-assets), where they are not there.", epilog="Exit status: 0 all as it must be, "
        "1 not, 2 usage, 130 interrupted. scripts/lab/README.md tells more.")
    p.add_argument("scenario", nargs="*", help="names of scenarios (--list); NAME-ipv6 is NAME with --ipv6; "
                   f"without: {' and '.join(STORY)}")
    p.add_argument("--list", action="store_true", help="list the scenarios")
    p.add_argument("--clean", metavar="RUNID|all", help="remove what a run left that could not clean up")
    p.add_argument("--agent", choices=("daemonset", "process"), default="daemonset",
                   help="how drainsnoop runs: as a pod by its own manifests, or beside the cluster (default %(default)s)")
    p.add_argument("--pods-by", choices=("api", "events"), default="api",
                   help="how a process hears of the pods (default %(default)s)")
    cli.add_options(p)
    return p


def names():
    return sorted(module.name for module in pkgutil.iter_modules(scenarios.__path__))


def find(name):
    return Scenario(name, scenarios.__name__)


def assets():
    """The folder of the cluster's programs, which are built if need be."""
    done = subprocess.run([os.path.join(cli.ROOT, "scripts/kube-assets")], stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode:
        raise LabError("without the cluster's programs there is no cluster")
    return done.stdout.strip()


def advised(result):
    """The preStop and grace period that a run brought, as settings."""
    fields = {"raise_prestop": "prestop", "raise_grace": "grace"}
    return {fields[line["code"]]: float(line["suggested"])
            for line in (result or {}).get("advice", []) if line["code"] in fields}


def play_all(wanted, args, programs):
    """The scenarios one after the other; `prestop` takes what the run before advised."""
    runs, before = [], {}
    for name in wanted:
        scenario, settings = cli.choose(name, args, find)
        pods_by = scenario.pods_by or args.pods_by
        agent = "process" if pods_by == "events" else scenario.agent or args.agent
        make = functools.partial(ClusterLab, programs, agent, pods_by, scenario.agent_how)
        if scenario.name == "prestop" and args.prestop is None:
            for field, value in before.items():
                setattr(settings, field, value)
        runs.append(cli.perform(scenario, settings, args, make))
        before = advised(runs[-1][1])
    return runs


def main(argv):
    p = parser()
    args = p.parse_args(argv)
    if args.list:
        return cli.list_scenarios(map(find, names()))

    def body():
        if args.clean:
            return cli.clean(args.clean)
        for name in args.scenario:
            if name.removesuffix("-ipv6") not in names():
                p.error(f"unknown scenario {name}; there are {', '.join(names())}")
        cli.prepare(args, p, node.missing_packages())
        return cli.conclude(play_all(args.scenario or STORY, args, assets()), args)
    return cli.guarded("scripts/lab/kube", body)
