"""How a switch that follows another goes on where that one was."""
