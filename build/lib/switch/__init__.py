"""A message-level ISO 8583 switch. Rooms, from the wire up: wire, money, security, core, hosts, journal, config,
observe, server, sim, cli; `pyproject.toml` holds the floors each may stand on."""
