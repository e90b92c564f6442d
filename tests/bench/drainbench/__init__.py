# SPDX-License-Identifier: Apache-2.0
"""The bench of drainsnoop (tests/bench/README.md)."""
