# SPDX-License-Identifier: Apache-2.0
"""drainsnoop doctor: what it finds on this machine, in namespaces made for it, and at servers that play a part."""

import ctypes
import http.server
import json
import os
import pty
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import uuid

import netns
from fake_reviews import FakeReviews
from test_cli import BINARY, ROOT
from test_live import wait_for

sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))

from drainlab.fakeaws import FakeAws    # noqa: E402

CHECKS = ["kernel", "privileges", "probes", "data-plane", "kube-proxy", "cluster", "targets", "aws", "clock", "state",
          "metrics"]
with open(os.path.join(ROOT, "docs/doctor.schema.json"), encoding="utf-8") as schema_file:
    SCHEMA = json.load(schema_file)
GROUP = "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/shop-web/0123456789abcdef"
# Nothing of the machine's own is looked at.
CLEAN = {name: value for name, value in os.environ.items()
         if not name.startswith(("AWS_", "KUBE", "DRAINSNOOP_", "POD_", "NODE_"))} | {
             "AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nowhere"}
FILTER = b"".join(n.to_bytes(2, "little") + bytes(m) + k.to_bytes(4, "little") for n, m, k in (
    (0x20, (0, 0), 0),          # load the number of the system call
    (0x15, (0, 1), {"x86_64": 321, "aarch64": 280}.get(os.uname().machine, 0)),
    (0x06, (0, 0), 0x00050001),     # bpf(): EPERM
    (0x06, (0, 0), 0x7fff0000)))    # any other: allowed


def forbid_bpf():
    """What a container runtime's default profile did before it knew CAP_BPF."""
    libc = ctypes.CDLL(None, use_errno=True)
    program = ctypes.create_string_buffer(FILTER)
    fprog = (4).to_bytes(8, "little") + ctypes.addressof(program).to_bytes(8, "little")
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.create_string_buffer(fprog), 0, 0):
        os._exit(99)


def run(*args, prefix=(), environment=None, **kwargs):
    return subprocess.run([*prefix, BINARY, "doctor", *args], capture_output=True, text=True, timeout=90, check=False,
                          env=CLEAN | (environment or {}), **kwargs)


class Doctor(unittest.TestCase):
    only = ""       # what a test of the class looks at: others would cost time

    def checks(self, *args, status=None, **kwargs):
        """By name what each check says."""
        done = run("-o", "json", *(["--check", self.only] if self.only else []), *args, **kwargs)
        self.assertEqual(done.stderr, "")
        document = json.loads(done.stdout)
        self.obeys(document, SCHEMA)
        found = {check["check"]: check for check in document["checks"]}
        self.assertEqual(list(found), [name for name in CHECKS if not self.only or name in self.only.split(",")])
        failed = [name for name, check in found.items() if check["status"] == "fail"]
        for check in found.values():    # each with what to do
            self.assertTrue(check["status"] not in ("fail", "warn") or check.get("advice"), check)
        self.assertEqual(document["failed"], len(failed))
        self.assertEqual(done.returncode, 3 if failed else 0)
        if status is not None:
            self.assertEqual(done.returncode, status, failed)
        return found

    def obeys(self, value, schema, path="$"):
        """The part of JSON Schema that docs/doctor.schema.json uses; keys that it does not name are errors here."""
        types = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}
        wanted = schema.get("type", [])
        wanted = [wanted] if isinstance(wanted, str) else wanted
        self.assertTrue(not wanted or any(type(value) is types[name] for name in wanted), (path, value))
        self.assertIn(value, schema["enum"] if "enum" in schema else [schema.get("const", value)], path)
        self.assertFalse(isinstance(value, int) and value < schema.get("minimum", value), (path, value))
        if isinstance(value, dict):
            self.assertLessEqual(set(schema.get("required", [])), set(value), path)
            for key, child in value.items():
                rule = schema.get("properties", {}).get(key, schema.get("additionalProperties"))
                self.assertIsNotNone(rule, f"{path}.{key} is not in the schema")
                self.obeys(child, rule, f"{path}.{key}")
        for number, child in enumerate(value if isinstance(value, list) else []):
            self.obeys(child, schema["items"], f"{path}[{number}]")

    def assert_says(self, check, status, *words, advice=""):
        self.assertEqual(check["status"], status, check)
        for word in words:
            self.assertIn(word, check["text"])
        self.assertIn(advice, check.get("advice", ""))


class Usage(Doctor):
    def test_faults_of_usage(self):
        for args, words in ((["extra"], "unexpected argument"), (["--for", "cat"], "none of: agent, targets"),
                            (["--check", "clock,cat"], "no check 'cat'"), (["--check", ""], "no check ''"),
                            (["-o", "wide"], "none of: table, json"), (["--elb-rate", "5"], "needs --elb"),
                            (["--metrics-listen", "nonsense"], "is no address and port"),
                            (["--lease", "a/b"], "is no name of an object"), (["--color", "no"], "none of: auto"),
                            (["--kube-api", "http://127.0.0.1:1", "--context", "y"], "--kube-api")):
            done = run(*args)
            self.assertEqual((done.returncode, done.stdout), (2, ""), args)
            self.assertIn(words, done.stderr)

    def test_table_has_a_line_for_each_check_and_no_colour_off_a_terminal(self):
        done = run()
        self.assertNotIn("\033", done.stdout)
        for name in CHECKS:
            self.assertRegex(done.stdout, rf"(?m)^{name} +(ok|warn|FAIL|skip) +\S")
        self.assertLessEqual(max(map(len, done.stdout.splitlines())), 101)
        self.assertIn("\033", run("--color", "always").stdout)

    def on_terminal(self, **environment):
        """What it prints there."""
        parent, child = pty.openpty()
        process = subprocess.Popen([BINARY, "doctor"], stdout=child, stdin=child, env=CLEAN | environment)
        os.close(child)
        text = b""
        try:
            while piece := os.read(parent, 65536):
                text += piece
        except OSError:
            pass    # the other end is closed
        os.close(parent)
        process.wait(60)
        return text.decode()

    def test_colours_on_a_terminal_unless_they_are_not_wanted(self):
        self.assertIn("\033[", self.on_terminal(TERM="xterm"))
        self.assertNotIn("\033[", self.on_terminal(TERM="xterm", NO_COLOR="1"))
        self.assertNotIn("\033[", self.on_terminal(TERM="dumb"))

    def test_full_disk(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([BINARY, "doctor"], stdout=full, stderr=subprocess.PIPE, text=True, timeout=60,
                                  check=False, env=CLEAN)
        self.assertEqual(done.returncode, 1)
        self.assertIn("could not write", done.stderr)


@unittest.skipIf(os.geteuid(), "needs root")
class Kernel(Doctor):
    only = "kernel,privileges,probes"

    def test_this_kernel(self):
        found = self.checks(status=0)
        self.assert_says(found["kernel"], "ok", os.uname().release, "BTF is there")
        self.assert_says(found["privileges"], "ok", "bpf() answers")
        self.assertIn("inet_sock_set_state", found["probes"]["facts"]["attached"].split(","))
        self.assertIn(found["probes"]["facts"]["tier"], ("raw_tp", "fentry", "kprobe", "kfree_skb", "tap"))

    def test_it_detaches_what_it_attached(self):
        bpftool = shutil.which("bpftool") or "/usr/sbin/bpftool"

        def orphans():
            """Programs of drainsnoop that nobody holds; those of other runs on this machine have somebody."""
            shown = subprocess.run([bpftool, "-j", "prog", "show"], capture_output=True, check=False).stdout
            return {program["id"] for program in json.loads(shown or "[]")
                    if program.get("name", "").startswith("find_listeners") and not program.get("pids")}
        before = orphans()
        self.checks()
        # What another run loads or gives up at this moment has no holder either, for a moment.
        wait_for(lambda: not orphans() - before, 30, "the programs to be gone")

    def test_seccomp_is_named_and_told_from_missing_capabilities(self):
        found = self.checks(preexec_fn=forbid_bpf, status=3)
        self.assert_says(found["privileges"], "fail", "CAP_BPF is granted, but bpf() returns EPERM: the seccomp profile",
                         advice="seccompProfile.type: Unconfined")
        self.assertEqual(found["probes"]["status"], "skip")

    def test_capabilities_of_a_user_namespace(self):
        found = self.checks(prefix=("unshare", "--user", "--map-root-user"), status=3)
        self.assert_says(found["privileges"], "fail", "user namespace")

    def test_only_the_two_capabilities(self):
        two = ("setpriv", "--bounding-set=-all,+bpf,+perfmon", "--inh-caps=-all,+bpf,+perfmon")
        found = self.checks(prefix=two, status=0)
        self.assert_says(found["privileges"], "ok", "CAP_BPF and CAP_PERFMON are effective")
        self.assertFalse(found["privileges"]["facts"]["cap_sys_admin"])
        self.assertEqual(found["probes"]["status"], "ok")

    def test_one_capability_is_missing(self):
        found = self.checks(prefix=("setpriv", "--bounding-set=-perfmon"), status=0)
        self.assert_says(found["privileges"], "ok", "CAP_SYS_ADMIN is effective")
        found = self.checks(prefix=("setpriv", "--bounding-set=-perfmon,-sys_admin"), status=3)
        self.assert_says(found["privileges"], "fail", "CAP_PERFMON", advice="CapabilityBoundingSet")

    def test_another_user(self):
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            os.chmod(folder, 0o755)
            copy = shutil.copy(BINARY, folder)
            done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", copy, "doctor"],
                                  capture_output=True, text=True, timeout=60, check=False, cwd="/", env=CLEAN)
        self.assertEqual((done.returncode, done.stderr), (3, ""))
        self.assertRegex(done.stdout, r"privileges  FAIL  CAP_BPF and CAP_PERFMON: this process has not got them\.\n"
                         r" +Run it as root: sudo drainsnoop\.\n")

    def test_other_commands_point_to_it(self):
        done = subprocess.run([BINARY, "-d", "1"], capture_output=True, text=True, timeout=60, check=False, env=CLEAN,
                              preexec_fn=forbid_bpf)
        self.assertEqual(done.returncode, 1)
        self.assertIn("`drainsnoop doctor` says what stands in the way", done.stderr)


@unittest.skipIf(os.geteuid(), "needs root")
class Node(Doctor):
    """A network namespace that looks like a node's."""
    only = "data-plane,kube-proxy"

    def setUp(self):
        self.netns = netns.make("doctor", self.addCleanup)

    def ip(self, *commands, family="-4"):
        for command in commands:
            subprocess.run(["ip", "-n", self.netns, family, *command.split()], check=True)

    def link(self, name):
        peer = "p" + uuid.uuid4().hex[:8]
        self.ip(f"link add {name} type veth peer name {peer}", f"link set {peer} up", f"link set {name} up")

    def pod(self, name, address, family="-4"):
        self.link(name)
        self.ip(f"route add {address} dev {name}", family=family)

    def plane(self, check="data-plane"):
        found = self.checks(prefix=netns.enter(self.netns))
        return found[check]

    def test_vpc_cni(self):
        for n in range(3):
            self.pod(f"eni0123456789{n}", f"10.9.{n}.{40 * n + 3}")
        self.ip("rule add pref 512 to 10.9.0.3 lookup main", "rule add pref 1536 from 10.9.1.43 lookup 2")
        plane = self.plane()
        # Eleven digits of eleven: the names above have eleven.
        self.assert_says(plane, "ok", "VPC CNI, secondary addresses or prefixes: too few pods to tell, 3 pods: tested")
        self.assertEqual(plane["facts"]["pods_ipv4"], 3)
        for n in range(3, 5):
            self.pod(f"eni0123456789{n}", f"10.9.{n}.{40 * n + 3}")
        self.assert_says(self.plane(), "ok", "VPC CNI, secondary addresses, 5 pods: tested")

    def test_prefix_delegation(self):
        self.link("eni0123456789a")
        self.ip(*(f"route add 10.9.4.{n} dev eni0123456789a" for n in range(32, 40)))
        self.assert_says(self.plane(), "ok", "it seems with prefix delegation")

    def test_branch_interfaces(self):
        self.link("vlan.eth.1")
        self.link("vlan0123456789a")
        self.ip("route add 10.9.7.7 dev vlan0123456789a table 101", "rule add pref 10 iif vlan.eth.1 lookup 101",
                "rule add pref 20 from all lookup local")
        self.assert_says(self.plane(), "ok", "branch interfaces), 1 pod: tested", "strict mode")

    def test_ipv6(self):
        self.pod("eni0123456789b", "fd00:9::7", family="-6")
        self.assert_says(self.plane(), "ok", "VPC CNI, IPv6 prefixes, 1 pod: tested", "IPv6, 1 pod: tested")

    def test_cilium_and_calico_are_not_tested(self):
        self.link("cilium_host")
        self.assert_says(self.plane(), "warn", "Cilium: not tested", advice="verdict `clean`")
        self.ip("link del cilium_host")
        self.pod("cali0123456789a", "10.9.3.3")
        self.assert_says(self.plane(), "warn", "Calico: not tested")

    def test_no_pods(self):
        self.assert_says(self.plane(), "warn", "no address here is routed to a pod", advice="hostNetwork: true")
        # As DHCP leaves them on Amazon Linux 2023: gateway and name server, by the uplink.
        self.link("ens5")
        self.ip("addr add 10.9.8.7/24 dev ens5", "route add 10.9.8.1 dev ens5", "route add 10.9.8.2 dev ens5",
                "route add default via 10.9.8.1 dev ens5")
        plane = self.plane()
        self.assert_says(plane, "warn", "no address here is routed to a pod")
        self.assertEqual(plane["facts"]["pods_ipv4"], 0)
        self.pod("veth5", "10.9.8.9")
        self.assert_says(self.plane(), "ok", "by what is not known: 1 address;")

    def nft(self, text):
        subprocess.run([*netns.enter(self.netns), "nft", "-f", "-"], input=text, text=True, check=True)

    def test_kube_proxy(self):
        self.assert_says(self.plane("kube-proxy"), "skip", "not found")
        self.nft("table ip nat { chain KUBE-SERVICES { }; }")
        self.assert_says(self.plane("kube-proxy"), "ok", "mode iptables: NodePort not tested")
        self.nft("table ip kube-proxy { chain services { }; }")
        self.assert_says(self.plane("kube-proxy"), "ok", "mode nftables: tested")
        self.link("kube-ipvs0")
        self.assert_says(self.plane("kube-proxy"), "warn", "mode ipvs")

    def test_kube_proxy_says_its_mode_itself(self):
        mode = f"""
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == '/proxyMode' else 404)
        self.end_headers()
        self.wfile.write(b'iptables')
print('ready', flush=True) if (s := http.server.HTTPServer(('127.0.0.1', 10249), Handler)) else None
s.serve_forever()
"""
        server = subprocess.Popen([*netns.enter(self.netns), sys.executable, "-c", mode],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.addCleanup(server.stdout.close)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        self.assertEqual(server.stdout.readline(), b"ready\n")
        self.link("kube-ipvs0")   # left from another mode
        self.assert_says(self.plane("kube-proxy"), "ok", "mode iptables")
        # Questions that are answered at once do not end the waiting for others.
        self.only = "kube-proxy,aws"
        found = self.checks("--elb", prefix=("nsenter", f"--net=/run/netns/{self.netns}"), status=3, environment={
            "AWS_ENDPOINT_URL": "ftp://x", "AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"})
        self.assert_says(found["aws"], "fail", "AWS_ENDPOINT_URL is no http://")
        self.assert_says(found["kube-proxy"], "ok", "mode iptables")


class Cluster(Doctor):
    only = "cluster,targets,clock"

    def setUp(self):
        self.fake = FakeReviews()
        self.addCleanup(self.fake.close)

    def asked(self, *args, **kwargs):
        return self.checks("--kube-api", self.fake.url, "--node", "node-1", *args, **kwargs)

    def test_rights_of_the_agent(self):
        found = self.asked()
        self.assert_says(found["cluster"], "ok", self.fake.url, "as system:serviceaccount:drainsnoop:drainsnoop-agent",
                         "rights are granted")
        name = "drainsnoop-targets-node-1"
        self.assertEqual(sorted(self.fake.rights(), key=str), sorted(
            [("list", "pods", None, None), ("watch", "pods", None, None), ("list", "configmaps", "drainsnoop", name),
             ("watch", "configmaps", "drainsnoop", name), ("get", "configmaps", "drainsnoop", name)], key=str))
        self.fake.asked.clear()
        self.asked("--standalone", "--events-on-workloads")
        self.assertEqual(sorted(self.fake.rights(), key=str), sorted(
            [("list", "pods", None, None), ("watch", "pods", None, None), ("create", "events", None, None),
             *(("get", kind, None, None) for kind in ("deployments", "statefulsets", "daemonsets"))], key=str))

    def test_a_right_that_is_missing(self):
        self.fake.denied = {("watch", "pods")}
        found = self.asked(status=3)
        self.assert_says(found["cluster"], "fail", "may not watch pods", advice="bind them to system:serviceaccount:")

    def test_rights_of_targets(self):
        self.fake.denied = {("list", "poddisruptionbudgets.policy"), ("create", "leases.coordination.k8s.io")}
        found = self.asked("--for", "targets", "--config-namespace", "other", "--lease", "that-lease", status=3)
        self.assert_says(found["cluster"], "fail", "may not create leases.coordination.k8s.io in namespace other",
                         "optional: may not list poddisruptionbudgets.policy")
        self.assertIn(("update", "leases", "other", "that-lease"), self.fake.rights())
        self.assert_says(found["targets"], "warn", "no Lease that-lease in namespace other", advice="--lease")
        self.fake.denied.clear()
        self.fake.asked.clear()
        self.assertNotIn(("list", "pods", None, None), self.fake.rights())
        found = self.asked("--for", "targets", "--watch-pods", environment={"DRAINSNOOP_LEASE": "of-the-chart"}, status=0)
        self.assertIn(("list", "pods", None, None), self.fake.rights())
        self.assertIn(("get", "leases", "drainsnoop", "of-the-chart"), self.fake.rights())
        self.assert_says(found["targets"], "warn", "no Lease of-the-chart in namespace drainsnoop")
        self.only = "kernel,privileges,probes,data-plane,kube-proxy,state"
        for name, check in self.asked("--for", "targets", status=0).items():
            self.assertEqual(check["status"], "skip", name)

    def test_who_leads(self):
        def leader(holder, ago):
            stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - ago))
            self.fake.leases["drainsnoop/drainsnoop-targets"] = {"holderIdentity": holder, "renewTime": stamp,
                                                                 "leaseDurationSeconds": 15}
            return self.asked("--for", "targets", status=0)["targets"]
        self.assert_says(leader("targets-a_0001", 2), "ok", "targets-a_0001 leads, Lease drainsnoop-targets was renewed")
        self.assert_says(leader("targets-a_0001", 300), "warn", "nobody leads: targets-a_0001 renewed", advice="get pods")
        self.assert_says(leader("", 300), "warn", "was given back")

    def test_old_and_odd_servers(self):
        self.fake.status = 404
        self.assert_says(self.asked()["cluster"], "warn", "could not be asked for: status 404", advice="can-i")
        self.fake.status = 401
        self.assert_says(self.asked()["cluster"], "fail", "does not accept the credentials (401)")

    def test_no_server(self):
        self.fake.close()
        found = self.asked(status=3)
        self.assertEqual(found["cluster"]["status"], "fail")
        self.assertIn("kubectl get --raw", found["cluster"]["advice"])

    def test_no_kubeconfig(self):
        found = self.checks("--kubeconfig", "/nowhere/config", status=3)
        self.assert_says(found["cluster"], "fail", "/nowhere/config")
        self.assert_says(found["targets"], "skip", "needs the API server")

    def test_targets_that_were_handed_over(self):
        self.assert_says(self.asked()["targets"], "warn", "no ConfigMap drainsnoop-targets-node-1", "drops carry no",
                         advice="drainsnoop targets")
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 90))
        self.fake.configmaps["drainsnoop/drainsnoop-targets-node-1"] = {"written_at": stamp, "events.jsonl": "{}\n{}\n"}
        found = self.asked()
        self.assert_says(found["targets"], "ok", "2 events, written 9")
        self.assertAlmostEqual(found["targets"]["facts"]["age_s"], 90, delta=20)
        self.assert_says(self.asked("--standalone")["targets"], "skip", "a standalone agent reads none")

    def test_namespace_of_the_configmaps(self):
        self.asked(environment={"POD_NAMESPACE": "watchers"})
        self.assertIn("/api/v1/namespaces/watchers/configmaps/drainsnoop-targets-node-1", self.fake.asked)

    def test_a_server_with_another_time(self):
        self.assertIn("the API server's clock agrees", self.asked()["clock"]["text"])
        self.fake.ahead = 30
        self.assert_says(self.asked()["clock"], "warn", "clock is about", "s ahead")


class Aws(Doctor):
    only = "aws"

    def setUp(self):
        self.aws = FakeAws()
        self.addCleanup(self.aws.close)
        self.url = self.aws.listen()
        self.key = self.aws.keys.issue(lifetime=3600)
        self.environment = {"AWS_ENDPOINT_URL": self.url, "AWS_REGION": "eu-central-1", **self.key.environment()}

    def asked(self, *args, **environment):
        return self.checks("--elb", *args, environment=self.environment | environment)["aws"]

    def test_rights_without_a_group(self):
        self.assert_says(self.asked(), "ok", "DescribeTargetHealth", "are permitted")
        actions = ("DescribeTargetHealth", "DescribeTargetGroups", "DescribeTargetGroupAttributes",
                   "DescribeLoadBalancers", "DescribeNetworkInterfaces")
        self.assertEqual([len(self.aws.asked(action)) for action in actions], [1, 1, 1, 1, 0])
        self.assert_says(self.asked("--elb-addresses"), "ok", "and DescribeNetworkInterfaces are permitted")
        self.assertEqual([len(self.aws.asked(action)) for action in actions], [2, 2, 2, 2, 1])

    def test_what_targets_needs_is_asked_without_saying(self):
        found = self.checks("--for", "targets", environment=self.environment)
        self.assert_says(found["aws"], "ok", "are permitted")

    def test_a_right_that_is_missing(self):
        self.aws.faults.add("error", action="DescribeTargetHealth", status=403, code="AccessDenied",
                            message="not authorized to perform: elasticloadbalancing:DescribeTargetHealth")
        self.assert_says(self.asked(), "fail", "DescribeTargetHealth is not permitted",
                         advice="Allow the role elasticloadbalancing:DescribeTargetHealth")
        self.aws.faults.add("error", action="DescribeNetworkInterfaces", status=403, code="UnauthorizedOperation",
                            message="You are not authorized to perform this operation.")
        self.assert_says(self.asked("--elb-addresses"), "fail", "DescribeNetworkInterfaces is not permitted",
                         advice="Allow the role ec2:DescribeNetworkInterfaces")

    def test_a_group_that_does_not_exist(self):
        self.assert_says(self.asked("--target-group", GROUP), "fail", f"there is no {GROUP}", advice="--target-group")

    def test_no_credentials_no_region_no_answer(self):
        nobody = {name: "" for name in self.key.environment()}
        self.assert_says(self.asked(**nobody), "fail", "no credentials", advice="IRSA")
        self.assert_says(self.asked(AWS_REGION=""), "warn", "no region", advice="AWS_REGION")
        self.assert_says(self.asked(AWS_ENDPOINT_URL="http://127.0.0.1:9"), "fail", "does not answer")


class Files(Doctor):
    only = "state,metrics"

    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = os.path.join(self.folder, "state")

    def state(self):
        return self.checks("--state", self.path, "--metrics-listen", "off")["state"]

    def test_state(self):
        self.assert_says(self.state(), "ok", "does not exist yet")
        with open(self.path, "w", encoding="ascii") as file:
            file.write("nonsense\n")
        self.assert_says(self.state(), "warn", "cannot be used", advice="sets it aside")
        self.assertEqual(os.listdir(self.folder), ["state"])    # doctor changes nothing
        self.path = os.path.join(self.folder, "absent", "state")
        self.assert_says(self.state(), "fail", "No such file", advice="Mount a volume")

    @unittest.skipIf(os.geteuid(), "needs root")
    def test_state_that_a_run_left(self):
        # Ends by itself; the state is written at the end.
        subprocess.run([BINARY, "-d", "1", "-o", "json", "--state", self.path], env=CLEAN, check=True, timeout=60,
                       stdout=subprocess.DEVNULL)
        self.assert_says(self.state(), "ok", "events of run", "written")

    def metrics(self, listen):
        return self.checks("--metrics-listen", listen)["metrics"]

    def test_address_of_metrics(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.assert_says(self.metrics(f"127.0.0.1:{port}"), "fail", "taken by another program")
        self.assert_says(self.metrics(f"127.0.0.1:{port}"), "ok", "is free")
        self.assert_says(self.metrics("off"), "skip")
        self.assert_says(self.metrics("192.0.2.1:9973"), "fail", "cannot be listened at", advice="address of this host")
        self.assert_says(self.metrics("[::1]:0"), "ok", "is free")

    def test_an_agent_that_runs_already(self):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"# HELP x y\n" * 2000 + b'drainsnoop_build_info{version="0.1.0"} 1\n')

            def log_message(self, *args):
                pass
        server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        self.assert_says(self.metrics(f"127.0.0.1:{server.server_address[1]}"), "ok", "a drainsnoop agent serves them")


if __name__ == "__main__":
    unittest.main()
