"""Certification of a peer by a plan in a file: messages, what must come of them, and a report of each point."""
