"""Network files -> a typed, fully checked `Network`, or all of its mistakes at once."""

from switch.config.load import load_network, parse_network
from switch.config.mistakes import ConfigErrors, Mistake, Paint

__all__ = ["ConfigErrors", "Mistake", "Paint", "load_network", "parse_network"]
