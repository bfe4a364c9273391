"""Captures: what passed on a wire, kept in files, shown, replayed, compared. Packets, streams, messages, in that order."""
