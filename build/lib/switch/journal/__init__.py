"""The durable record of what the switch knows."""
