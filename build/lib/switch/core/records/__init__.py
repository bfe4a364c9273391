"""What the switch remembers: records, and the state that is their fold."""
