# SPDX-License-Identifier: Apache-2.0
"""Container images without a container engine. scripts/image is its command line."""
