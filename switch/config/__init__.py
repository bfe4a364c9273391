"""Network files -> a typed, fully checked `Network`, or all of its mistakes at once."""
