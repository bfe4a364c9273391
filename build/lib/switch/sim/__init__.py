"""Driver 2: parties in a world with a virtual clock and network."""
