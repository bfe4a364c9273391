"""The messages of EMV 3-D Secure 2.2 (and 2.1): which elements each has, what is wrong with one, what a status means. Pure."""
