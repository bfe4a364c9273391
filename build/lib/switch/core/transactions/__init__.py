"""Payments, reversals and advices: what is decided about a message."""
