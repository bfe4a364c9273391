"""What people see of a running switch: hop log, histograms, live view."""

from typing import Final

HOP_LOG: Final = "hops.jsonl"
"""the hop log's file in a switch's state directory, where no other is named"""
