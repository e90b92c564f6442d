# SPDX-License-Identifier: Apache-2.0
"""The laboratory of drainsnoop (DESIGN section 11). README.md beside this folder says what is where."""
