"""Messages inside the switch: its internal format, and each family's way into it and out of it."""
