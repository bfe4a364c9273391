"""For tests of your own: a capture replayed around a network, a switch on free ports, a client; and the pytest plugin."""
