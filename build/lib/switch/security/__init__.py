"""Keys and what they protect. Below the core, above the wire."""
