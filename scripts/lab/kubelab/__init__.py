# SPDX-License-Identifier: Apache-2.0
"""The laboratory with a real cluster in its node's namespace. scripts/lab/README.md tells what is where."""
