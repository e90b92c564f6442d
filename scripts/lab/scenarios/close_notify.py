# SPDX-License-Identifier: Apache-2.0
"""An HTTPS server closes idle connections; the client says goodbye with a TLS alert. nginx is gone by then,
and the alert gets a RST. A server that waits for it closes with a FIN, one that waits and does not read
it with a RST of its own: the alert is what came last then, and looks like a request without an answer.

Real network cards put small packets into the linear part of the buffer, where drainsnoop can read
the first byte; a veth hands over pages. The balancer's interfaces therefore do without
scatter-gather here (programs/linear.py).
"""

import json
import os

from drainlab import capture
from drainlab.proc import LabError, Tool, in_netns, program, run as command, wait_for
from . import at_least, counted_apart, no_verdict_but

SUMMARY = "idle HTTPS connections closed by the pod, answered by close_notify: no request is lost"
SETTINGS = {"prestop": 5.0, "grace": 12.0, "rate": 10.0}
PORTS = {8443: "TLSv1.2", 8444: "TLSv1.3"}
WAITING = {8445: ("TLSv1_2", "unread"), 8446: ("TLSv1_3", "unread"), 8447: ("TLSv1_2", "read"), 8448: ("TLSv1_3", "read")}
CLIENTS, ROUNDS = 4, 3

NGINX = """\
user root;
worker_processes 1;
daemon off;
pid {folder}/tls.pid;
events {{ worker_connections 256; }}
http {{
    access_log off;
    keepalive_timeout 1s;
    client_body_temp_path {folder}/s1; proxy_temp_path {folder}/s2; fastcgi_temp_path {folder}/s3;
    uwsgi_temp_path {folder}/s4; scgi_temp_path {folder}/s5;
    ssl_certificate {folder}/tls.crt; ssl_certificate_key {folder}/tls.key;
    {servers}
}}
"""
SERVER = "server {{ listen {port} ssl; listen [::]:{port} ssl; ssl_protocols {version}; " \
         "location / {{ return 200 ok; }} }}"


def serve_tls(pod):
    """One more container: nginx with TLS on ports of its own."""
    command(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=shop", "-days", "2",
             "-keyout", os.path.join(pod.folder, "tls.key"), "-out", os.path.join(pod.folder, "tls.crt")])
    config = os.path.join(pod.folder, "tls.conf")
    with open(config, "w", encoding="utf-8") as file:
        file.write(NGINX.format(folder=pod.folder, servers=" ".join(
            SERVER.format(port=port, version=version) for port, version in PORTS.items())))
    pod.add_container("tls", ["nginx", "-c", config, "-e", os.path.join(pod.folder, "tls.err")])
    for port, (version, mode) in WAITING.items():
        pod.add_container(f"tls{port}", program("tlsserver", pod.folder, port, version, mode))
    for port in WAITING:
        wait_for(lambda port=port: command(in_netns(pod.place.netns, ["ss", "-Hltn", f"sport = :{port}"])).strip(),
                 20, f"port {port}")


def play(lab):
    plan, lb = lab.network.plan, lab.network.lb
    command(in_netns(lb, program("linear", "eth0", *(["eth1"] if plan.node2 else []))))
    pod = lab.kubernetes.create()
    serve_tls(pod)
    tools = [Tool(lab.cgroup.tools, in_netns(lb, program("tlsclient", plan.lb, pod.address, port, CLIENTS, ROUNDS)))
             for port in (*PORTS, *WAITING)]
    lab.parts.extend(tools)
    lab.start_clients()
    for tool in tools:
        if tool.wait(30) != 0:
            raise LabError("the TLS clients failed")
    lab.kubernetes.rollout([pod])


def ends(run, port, flag):
    """Connections to that port that the pod ended with that flag, where the client's last payload came before."""
    flows = capture.read(run.lab.capture.path, {run.lab.network.plan.lb}, {port})
    result = []
    for flow in flows.values():
        end = next((p.at for p in flow.packets if not p.to_pod and p.flags & (capture.FIN | capture.RST)), None)
        last = flow.last_payload(0, 1 << 63)
        if any(not p.to_pod and p.flags & flag for p in flow.packets) and end and (port in PORTS or last < end):
            result.append(end)
    return result


def resets(run):
    """Resets that the TLS ports sent after a client's last payload, by port."""
    unread = [port for port, (_, mode) in WAITING.items() if mode == "unread"]
    return {port: ends(run, port, capture.RST) for port in (*PORTS, *unread)}


def mechanics(run):
    problems = [f"{len(run.truth.failures)} requests failed"] if run.truth.failures else []
    for port, found in resets(run).items():
        problems += at_least(CLIENTS * ROUNDS // 2, found, f"resets after close_notify, port {port}")
    for port in (port for port, (_, mode) in WAITING.items() if mode == "read"):
        problems += at_least(CLIENTS * ROUNDS // 2, ends(run, port, capture.FIN), f"FINs after close_notify, port {port}")
    return problems


def must_find(run):
    problems = no_verdict_but(run, "clean")
    with open(os.path.join(run.lab.folder, "recording.jsonl"), encoding="utf-8") as file:
        bytes_seen = {e.get("drainsnoop.tcp.first_byte") for e in map(json.loads, file)
                      if e.get("drainsnoop.hook", "").endswith("send_reset")}
    for byte in (0x15, 0x17):
        if byte not in bytes_seen:
            problems.append(f"no reset answered a record of type {byte:#x}; seen: {sorted(filter(None, bytes_seen))}")
    number = sum(map(len, resets(run).values()))
    if counted_apart(run, "closed_idle") < number:
        problems.append(f"closed_idle is {counted_apart(run, 'closed_idle')}, {number} were reset")
    if run.truth.drops:
        problems.append(f"{len(run.truth.drops)} drops, expected none")
    return problems
