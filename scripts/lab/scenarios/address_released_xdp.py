# SPDX-License-Identifier: Apache-2.0
"""As address_released_cni, but the CNI's filter is an XDP program, in its generic mode."""

from . import address_released_cni as cni

SUMMARY = "a released address that the CNI's XDP program drops: silent, 10 s"
SETTINGS = {**cni.SETTINGS, "release": "xdp", "lag": 4.0}   # the program is compiled before the release
mechanics, must_find = cni.mechanics, cni.must_find
