# SPDX-License-Identifier: Apache-2.0
"""The cluster's authority, the certificates it issues, and the kubeconfigs that use them."""

import json
import os

from drainlab.proc import run

DAYS = "2"
KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


class Keys:
    """A folder of keys. Nothing in it is worth anything once the run is over."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, mode=0o700)
        # Without a file of its own, openssl adds the extensions of the machine's.
        with open(self.path("openssl.cnf"), "w", encoding="ascii") as file:
            file.write("[req]\ndistinguished_name = dn\n[dn]\n")
        self._certificate("ca", "/CN=drainlab", "basicConstraints=critical,CA:TRUE",
                          "keyUsage=critical,keyCertSign,cRLSign")
        # That of the tokens of service accounts.
        run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-out", self.path("sa.key")])
        run(["openssl", "pkey", "-in", self.path("sa.key"), "-pubout", "-out", self.path("sa.pub")])

    def path(self, name):
        return os.path.join(self.folder, name)

    def pair(self, name):
        """The files of a certificate and its key."""
        return self.path(name + ".crt"), self.path(name + ".key")

    @property
    def authority(self):
        return self.path("ca.crt")

    def issue(self, name, user, groups=(), addresses=(), names=()):
        """A certificate for a user of the API, or for a server at these addresses and names."""
        subject = "".join(f"/O={group}" for group in groups) + f"/CN={user}"
        more = [f"IP:{address}" for address in addresses] + [f"DNS:{name}" for name in names]
        self._certificate(name, subject, "basicConstraints=critical,CA:FALSE",
                          "keyUsage=critical,digitalSignature", "extendedKeyUsage=clientAuth,serverAuth",
                          *(["subjectAltName=" + ",".join(more)] if more else []),
                          signed=["-CA", self.authority, "-CAkey", self.path("ca.key")])
        return self.pair(name)

    def _certificate(self, name, subject, *extensions, signed=()):
        certificate, key = self.pair(name)
        run(["openssl", "req", "-x509", "-config", self.path("openssl.cnf"), *KEY, "-days", DAYS, *signed,
             "-subj", subject, "-keyout", key, "-out", certificate,
             *[word for extension in extensions for word in ("-addext", extension)]])

    def kubeconfig(self, name, server):
        """The kubeconfig of an issued user. Its path. JSON is YAML."""
        certificate, key = self.pair(name)
        path = self.path(name + ".kubeconfig")
        with open(path, "w", encoding="ascii") as file:
            json.dump({
                "apiVersion": "v1", "kind": "Config", "current-context": "drainlab",
                "clusters": [{"name": "drainlab", "cluster": {
                    "server": server, "certificate-authority": self.authority}}],
                "users": [{"name": name, "user": {"client-certificate": certificate, "client-key": key}}],
                "contexts": [{"name": "drainlab", "context": {"cluster": "drainlab", "user": name}}]}, file)
        return path
