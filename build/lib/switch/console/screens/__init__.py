"""A file a screen: its addresses, what it reads, what its forms have done."""
