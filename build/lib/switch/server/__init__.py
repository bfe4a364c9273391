"""Driver 1: parties on Trio, over sockets."""
