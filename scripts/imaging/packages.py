# SPDX-License-Identifier: Apache-2.0
"""What Debian says of the files that an image takes from it: whose they are, for scanners and lawyers.

A scanner finds a package by /var/lib/dpkg/status.d/NAME, as Google's distroless images have it. On a
distribution without dpkg there is none of this, and the image is none the worse for running.
"""

import os
import re
import shutil
import subprocess

FIELDS = ("Package", "Version", "Architecture", "Source", "Maintainer", "Section", "Priority", "Homepage")


def owners(paths):
    """The names (with the architecture where dpkg says it) of the packages that the files belong to, sorted."""
    if not shutil.which("dpkg-query"):
        return []
    # dpkg knows a file by the path of its package, which /usr may have got before since.
    asked = {form for path in paths for form in (os.path.realpath(path), re.sub("^/usr/", "/", os.path.realpath(path)))}
    done = subprocess.run(["dpkg-query", "--search", *sorted(asked)], capture_output=True, text=True, check=False)
    found = set()
    for line in done.stdout.splitlines():
        names, _, path = line.rpartition(": ")
        if path in asked:
            found.update(name.strip() for name in names.split(","))
    return sorted(found)


def status(package):
    """The fields of the package that a scanner reads, as dpkg writes them."""
    shown = "".join("%s: ${%s}\\n" % (field, field) for field in FIELDS)
    text = subprocess.run(["dpkg-query", "--show", f"--showformat={shown}", package],
                          capture_output=True, text=True, check=True).stdout
    return "".join(line + "\n" for line in text.splitlines() if not line.endswith(": "))


def add(layer, paths):
    """Puts into the layer what is known of the packages of these files. Their names."""
    names = owners(paths)
    for name in names:
        bare = name.partition(":")[0]
        layer.file(f"/var/lib/dpkg/status.d/{bare}", status(name).encode())
        text = f"/usr/share/doc/{bare}/copyright"
        if os.path.exists(text):
            layer.copy(text, mode=0o644)
    if names and os.path.exists("/usr/lib/os-release"):
        layer.copy("/usr/lib/os-release", mode=0o644)
        layer.link("/etc/os-release", "../usr/lib/os-release")
    return names
