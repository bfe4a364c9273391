"""The switch: pure state machines over documents. No sockets, tasks, clock, randomness or files."""
