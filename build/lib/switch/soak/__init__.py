"""A soak: the real processes over loopback, and every few seconds one of them killed, stopped or cut off. See docs/soak.md."""
