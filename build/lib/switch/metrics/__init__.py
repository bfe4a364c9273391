"""What monitoring asks of a switch: figures for Prometheus, and whether it is well. A process of its own beside the switch."""
