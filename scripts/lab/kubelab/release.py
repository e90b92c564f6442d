# SPDX-License-Identifier: Apache-2.0
"""drainsnoop's own manifests (deploy/manifests) and its image, as a user applies them."""

import json
import os

from drainlab.proc import LabError

from . import images

MANIFESTS = os.path.join(images.ROOT, "deploy/manifests")
NAMESPACE = "drainsnoop"
COMPONENT = "app.kubernetes.io/component"


def parse(text):
    """The objects that kubectl prints, one JSON text after the other, lists opened."""
    decoder, at, found = json.JSONDecoder(), 0, []
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        thing, at = decoder.raw_decode(text, at)
        found += thing["items"] if thing["kind"] == "List" else [thing]
    return found


def chosen(things, component):
    """The objects of one component, and the namespace."""
    return [thing for thing in things if thing["kind"] == "Namespace"
            or thing["metadata"].get("labels", {}).get(COMPONENT) == component]


class Release:
    """The image is in the node's containerd, the objects are read."""

    def __init__(self, lab):
        self.plane = lab.control_plane
        archive, self.image = images.agent(lab.node.folder, lab.binary)
        lab.node.load(archive)
        self.objects = parse(self.plane.kubectl("create", "--dry-run=client", "-o", "json", "-k", MANIFESTS))

    def apply(self, component, adapt):
        """Applies what belongs to one component. adapt(pod's spec, container) may change its workload before; all
        else is there by then."""
        things = chosen(self.objects, component)
        workloads = [thing for thing in things if thing["kind"] in ("DaemonSet", "Deployment")]
        self._apply([thing for thing in things if thing not in workloads])
        for thing in workloads:
            pod = thing["spec"]["template"]["spec"]
            container = next(c for c in pod["containers"] if c["name"] == component)
            if container["image"] != self.image:
                raise LabError(f"the manifests have {container['image']}, this build makes {self.image}")
            adapt(pod, container)
        self._apply(workloads)

    def _apply(self, things):
        self.plane.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": things}))
