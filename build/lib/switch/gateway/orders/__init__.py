"""Orders and merchants: their states, and the SQLite file they are kept in."""
