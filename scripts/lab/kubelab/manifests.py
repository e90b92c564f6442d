# SPDX-License-Identifier: Apache-2.0
"""The objects that the laboratory applies."""

from drainlab.pod import HEALTH_PORT, PORT

from . import images

NAMESPACE, NAME = "default", "web"
GATE = "target-health.elbv2.k8s.aws/" + NAME
LABELS = {"app": NAME}
CONTROLLER = "drainlab-load-balancer-controller"


def deployment(replicas, prestop, grace):
    """The workload: real servers, with the readiness gate of a target group binding."""
    container = {
        "name": "web", "image": images.WEB, "imagePullPolicy": "Never",
        "ports": [{"name": "http", "containerPort": PORT}, {"name": "health", "containerPort": HEALTH_PORT}],
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
                "readinessGates": [{"conditionType": GATE}]}}}}


def service():
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {"selector": LABELS, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]}}


def controller_rights():
    """What the laboratory's load balancer controller may do, and no more: (path, object) each."""
    path = "/apis/rbac.authorization.k8s.io/v1/"
    kind = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": CONTROLLER}}
    return [
        (path + "clusterroles", {**kind, "kind": "ClusterRole", "rules": [
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["list", "watch"]},
            {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["patch"]},
            {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]}]}),
        (path + "clusterrolebindings", {**kind, "kind": "ClusterRoleBinding", "subjects": [
            {"kind": "User", "name": CONTROLLER, "apiGroup": "rbac.authorization.k8s.io"}], "roleRef": {
                "kind": "ClusterRole", "name": CONTROLLER, "apiGroup": "rbac.authorization.k8s.io"}})]
