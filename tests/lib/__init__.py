# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers shared by tests/interop, tests/theft, tests/kill and demo/."""
