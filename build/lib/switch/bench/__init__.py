"""Load for any ISO 8583 host, what it took, and what others take: generator, plots, a baseline to measure against."""
