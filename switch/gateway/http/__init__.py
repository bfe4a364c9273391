"""HTTP for the gateway: a server of ours over h11 under Trio, and the one client that calls merchants' shops."""
