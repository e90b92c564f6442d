# SPDX-License-Identifier: Apache-2.0
"""The objects that the laboratory applies."""

from drainlab.pod import HEALTH_PORT, PORT

from . import images

NAMESPACE, NAME = "default", "web"
GATE = "target-health.elbv2.k8s.aws/" + NAME
LABELS = {"app": NAME}
CPU = 10    # what each pod asks for, thousandths of a core
CONTROLLER, AGENT = "drainlab-load-balancer-controller", "drainsnoop"


def deployment(replicas, prestop, grace, gate=True):
    """The workload: real servers, with the readiness gate of a target group binding where pods are its targets."""
    container = {
        "name": "web", "image": images.WEB, "imagePullPolicy": "Never",
        "ports": [{"name": "http", "containerPort": PORT}, {"name": "health", "containerPort": HEALTH_PORT}],
        "resources": {"requests": {"cpu": f"{CPU}m"}},
        "readinessProbe": {"httpGet": {"path": "/", "port": "health"}, "periodSeconds": 1}}
    if prestop:
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": int(prestop)}}}
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {
            "replicas": replicas, "selector": {"matchLabels": LABELS},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": LABELS}, "spec": {
                "containers": [container], "terminationGracePeriodSeconds": int(grace),
                "automountServiceAccountToken": False, "enableServiceLinks": False,
                "readinessGates": [{"conditionType": GATE}] if gate else []}}}}


def eviction(name):
    return {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": NAMESPACE}}


def priority(name):
    return {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name},
            "value": 1000}


def important(name, cpu):
    """A pod of that priority class, which asks for so much of the node."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": NAMESPACE}, "spec": {
        "priorityClassName": name, "automountServiceAccountToken": False, "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "web", "image": images.WEB, "imagePullPolicy": "Never",
                        "resources": {"requests": {"cpu": f"{cpu}m"}}}]}}


def service(node_port=None):
    port = {"name": "http", "port": 80, "targetPort": "http"}
    more = {"type": "NodePort", "ports": [{**port, "nodePort": node_port}]} if node_port else {"ports": [port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"selector": LABELS, **more}}


def binding(arn, target_type="ip"):
    """What ties the Service to a target group."""
    return {"apiVersion": "elbv2.k8s.aws/v1beta1", "kind": "TargetGroupBinding",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"targetGroupARN": arn, "targetType": target_type, "serviceRef": {"name": NAME, "port": "http"}}}


def rights(user, rules):
    """A user's rights in the whole cluster: (path, object) of each object that gives them."""
    path, group = "/apis/rbac.authorization.k8s.io/v1/", "rbac.authorization.k8s.io"
    kind = {"apiVersion": group + "/v1", "metadata": {"name": user}}
    return [
        (path + "clusterroles", {**kind, "kind": "ClusterRole", "rules": [
            {"apiGroups": [of], "resources": [what], "verbs": verbs.split()} for of, what, verbs in rules]}),
        (path + "clusterrolebindings", {
            **kind, "kind": "ClusterRoleBinding", "subjects": [{"kind": "User", "name": user, "apiGroup": group}],
            "roleRef": {"kind": "ClusterRole", "name": user, "apiGroup": group}})]


# What each may do, and no more.
CONTROLLER_RULES = [("", "pods", "list watch"), ("", "pods/status", "patch"),
                    ("discovery.k8s.io", "endpointslices", "list watch"),
                    ("elbv2.k8s.aws", "targetgroupbindings", "list watch create"),
                    ("elbv2.k8s.aws", "targetgroupbindings/status", "patch")]
AGENT_RULES = [("", "pods", "list watch")]
