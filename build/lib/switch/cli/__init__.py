"""`cmi-switch …`, one file a command."""
