"""Store-and-forward: what must arrive does."""
