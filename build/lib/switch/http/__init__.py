"""HTTP for whatever is asked over it: a server of ours over h11 under Trio, and the one client that asks others."""
