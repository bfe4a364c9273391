"""Connections, and the requests that wait on them."""
