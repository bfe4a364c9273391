"""A message-level ISO 8583 switch. docs/architecture.md says what each room is, and which may use which."""
