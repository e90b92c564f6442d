# SPDX-License-Identifier: Apache-2.0
"""The node's side of the laboratory's real cluster, without one: logs, kube-proxy's rules, logind, tokens."""

import base64
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import types
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts/lab"))

from kubelab import agent, logind, nodeport, release, tail, tokens  # noqa: E402
from kubelab.pod import requested_at  # noqa: E402

SECOND = 10**9
RULES = """\
table ip kube-proxy {
	map service-nodeports {
		type inet_proto . inet_service : verdict
		elements = { tcp . 30080 : goto external-XYZ-default/web/tcp/http }
	}
	chain service-XYZ-default/web/tcp/http {
		ip daddr 10.96.7.7 tcp dport 80 ip saddr != 10.244.0.0/16 jump mark-for-masquerade
		meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.77.1.74 . 8080, 1 : 10.77.1.75 . 8080 }
	}
	chain service-DDDD-default/kubernetes/tcp/https {
		meta l4proto tcp dnat ip addr . port to numgen random mod 1 map { 0 : 10.77.1.10 . 6443 }
	}
}
"""


class Rules(unittest.TestCase):
    def test_the_pods_that_something_goes_to(self):
        self.assertEqual(nodeport.endpoints(RULES, 8080), {"10.77.1.74", "10.77.1.75"})
        self.assertEqual(nodeport.endpoints(RULES, 6443), {"10.77.1.10"})
        self.assertEqual(nodeport.endpoints("table ip kube-proxy {\n}\n", 8080), set())

    def test_addresses_of_ipv6(self):
        text = RULES.replace("10.77.1.74 . 8080", "fd77:1::1:a . 8080")
        self.assertEqual(nodeport.endpoints(text, 8080), {"fd77:1::1:a", "10.77.1.75"})


class Logs(unittest.TestCase):
    """What a container wrote, as its runtime keeps it."""

    def follow(self, *pieces):
        with tempfile.TemporaryDirectory() as folder:
            source, out, err = (os.path.join(folder, name) for name in ("0.log", "out", "err"))
            with open(source, "wb") as log:
                reader = tail.Container(source, out, err)
                for piece in pieces:
                    log.write(piece)
                    log.flush()
                    reader.read()
                os.unlink(source)   # with its pod
                log.write(b"t stdout F the last\n")
                log.flush()
                reader.read()
            read = []
            for path in (out, err):
                if os.path.exists(path):
                    with open(path, "rb") as file:
                        read.append(file.read())
        return read

    def test_streams_are_kept_apart_and_nothing_is_lost_with_the_file(self):
        self.assertEqual(self.follow(b"t stdout F {1}\nt stderr F oh\nt stdout F {2}\n"),
                         [b"{1}\n{2}\nthe last\n", b"oh\n"])

    def test_lines_in_pieces(self):
        """As the runtime splits a long one, and as they are read while they are written."""
        self.assertEqual(self.follow(b"t stdout P {on", b"e,\nt stderr F oh\nt stdout P two", b",\nt stdout F three}\n"),
                         [b"{one,two,three}\nthe last\n", b"oh\n"])

    def test_an_empty_line(self):
        self.assertEqual(tail.parse_cri(b"t stdout F \n", {}), (b"stdout", b"\n"))

    def test_a_recording_that_is_begun_anew(self):
        with tempfile.TemporaryDirectory() as folder:
            source, made = os.path.join(folder, "recording"), []

            def copy_path():
                made.append(os.path.join(folder, f"copy-{len(made)}"))
                return made[-1]
            with open(source, "wb") as log:
                log.write(b"a\nb\nhal")
                log.flush()
                copy = tail.Copy(source, copy_path)
                copy.read()
                log.seek(0)
                log.truncate()
                log.write(b"c\n")
                log.flush()
                copy.read()
            texts = []
            for path in made:
                with open(path, "rb") as file:
                    texts.append(file.read())
        self.assertEqual(texts, [b"a\nb\n", b"c\n"])


class Manifests(unittest.TestCase):
    def test_objects_and_lists_of_them(self):
        one, two = {"kind": "Namespace", "metadata": {"name": "n"}}, {"kind": "Role", "metadata": {"name": "r"}}
        text = json.dumps(one, indent=2) + "\n" + json.dumps({"kind": "List", "items": [two]}) + "\n"
        self.assertEqual(release.parse(text), [one, two])
        self.assertEqual(release.parse("\n"), [])

    def test_one_component_and_the_namespace(self):
        def thing(kind, component):
            return {"kind": kind, "metadata": {"labels": {release.COMPONENT: component}}}
        agent, targets = thing("DaemonSet", "agent"), thing("Deployment", "targets")
        space = {"kind": "Namespace", "metadata": {"name": "n"}}
        self.assertEqual(release.chosen([space, targets, agent], "agent"), [space, agent])


class Runs(unittest.TestCase):
    """Of an agent that was started again."""

    def line(self, second, name, **keys):
        return {"time": f"1970-01-01T00:00:{second:02d}.000000000Z", "event.name": "drainsnoop." + name, **keys}

    def test_nobody_looks_from_the_last_line_to_the_first_list(self):
        phase = {"drainsnoop.pod.phase": "ready"}
        lines = [self.line(1, "start"), self.line(2, "pod.state", **phase), self.line(9, "stop"),
                 self.line(11, "start"), self.line(2, "pod.state", **phase, **{"drainsnoop.restored": True}),
                 self.line(5, "target.state"), self.line(10, "pod.state", **phase), self.line(15, "pod.state", **phase), self.line(16, "pod.phase", **phase)]
        self.assertEqual(agent.runs_between(lines), [(9 * SECOND, 15 * SECOND + agent.TAKES)])
        self.assertEqual(agent.runs_between(lines[:3]), [])

    def test_what_went_while_nobody_looked(self):
        pod = types.SimpleNamespace(marks={"t0": [10, 11], "released": [14, 15]})
        self.assertTrue(agent.within(pod, [(1, 2), (9, 15)]))
        self.assertFalse(agent.within(pod, [(10, 15)]))
        self.assertFalse(agent.within(pod, [(9, 14)]))


class Shutdown(unittest.TestCase):
    def test_the_kubelet_needs_no_deletion(self):
        stamp = {"type": "DisruptionTarget", "status": "True", "lastTransitionTime": "1970-01-01T00:00:35Z"}
        pod = {"metadata": {}, "status": {"conditions": [{**stamp, "reason": "TerminationByKubelet"}]}}
        self.assertEqual(requested_at(pod), 35 * SECOND)
        pod["metadata"] = {"deletionTimestamp": "1970-01-01T00:01:05Z", "deletionGracePeriodSeconds": 25}
        self.assertEqual(requested_at(pod), 40 * SECOND)
        self.assertIsNone(requested_at({"metadata": {}, "status": {"conditions": [
            {**stamp, "reason": "PreemptionByScheduler"}]}}))

    def test_messages_there_and_back(self):
        fields = {logind.PATH: "/a", logind.MEMBER: "M", logind.REPLY_SERIAL: 9, logind.SIGNATURE: "s", logind.FDS: 1}
        data = logind.message(logind.CALL, 7, fields, logind.text("hi"))
        self.assertEqual(logind.parse(data + b"more"), (logind.CALL, 7, fields, logind.text("hi"), len(data)))
        for length in range(len(data)):
            self.assertIsNone(logind.parse(data[:length]))
        with self.assertRaises(ValueError):
            logind.parse(b"B" + data[1:])

    def test_a_kubelet_that_waits_for_the_node_to_go_down(self):
        lab = types.SimpleNamespace(stopping=threading.Event(), fail=self.fail)
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as kubelet:
            there = logind.Logind(lab, os.path.join(folder, "s"))
            kubelet.settimeout(10)
            kubelet.connect(os.path.join(folder, "s"))
            for line, answer in ((b"\0AUTH", b"REJECTED EXTERNAL"), (b"AUTH EXTERNAL", b"OK "),
                                 (b"NEGOTIATE_UNIX_FD", b"AGREE_UNIX_FD")):
                kubelet.sendall(line + b"\r\n")
                self.assertTrue(kubelet.recv(100).startswith(answer))
            kubelet.sendall(b"BEGIN\r\n")

            def call(serial, interface, member):
                kubelet.sendall(logind.message(logind.CALL, serial, {
                    logind.PATH: "/org/freedesktop/login1", logind.INTERFACE: interface, logind.MEMBER: member}))
                data, fds, _, _ = socket.recv_fds(kubelet, 4096, 1)
                kind, _, fields, body, _ = logind.parse(data)
                self.assertEqual((kind, fields[logind.REPLY_SERIAL]), (logind.REPLY, serial))
                return body, fds
            call(1, "org.freedesktop.DBus", "Hello")
            delay, _ = call(2, "org.freedesktop.DBus.Properties", "Get")
            self.assertEqual(struct.unpack("<Q", delay[-8:]), (logind.DELAY_USEC,))
            _, (lock,) = call(3, logind.MANAGER, "Inhibit")
            call(4, "org.freedesktop.DBus", "AddMatch")
            self.assertTrue(there.watched.is_set() and not there.released())
            before, after = there.shut_down()
            kind, _, fields, body, _ = logind.parse(kubelet.recv(4096))
            self.assertEqual((kind, fields[logind.MEMBER], body), (logind.SIGNAL, "PrepareForShutdown", b"\1\0\0\0"))
            self.assertLessEqual(before, after)
            self.assertFalse(there.released())
            os.close(lock)
            self.assertTrue(there.released())
            lab.stopping.set()
            there.end()


class Tokens(unittest.TestCase):
    def test_openssl_takes_the_signature(self):
        account = {"metadata": {"namespace": "n", "name": "a", "uid": "u"}}
        with tempfile.TemporaryDirectory() as folder:
            def path(name):
                return os.path.join(folder, name)
            subprocess.run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out",
                            path("key")], check=True, capture_output=True)
            subprocess.run(["openssl", "pkey", "-in", path("key"), "-pubout", "-out", path("pub")], check=True)
            head, claims, signature = tokens.mint(path("key"), account, 30).split(".")

            def decode(part):
                return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
            raw = decode(signature)
            self.assertEqual(len(raw), 64)
            numbers = []
            for half in (raw[:32], raw[32:]):
                short = half.lstrip(b"\0")
                short = b"\0" + short if short[0] & 0x80 else short
                numbers.append(b"\2" + bytes((len(short),)) + short)
            with open(path("sig"), "wb") as file:
                file.write(b"\x30" + bytes((sum(map(len, numbers)),)) + b"".join(numbers))
            subprocess.run(["openssl", "dgst", "-sha256", "-verify", path("pub"), "-signature", path("sig")], check=True,
                           input=f"{head}.{claims}".encode(), capture_output=True)
        found = json.loads(decode(claims))
        self.assertEqual(found["sub"], "system:serviceaccount:n:a")
        self.assertEqual(found["exp"] - found["iat"], 30)


if __name__ == "__main__":
    unittest.main()
