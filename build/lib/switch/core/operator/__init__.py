"""What an operator may ask and tell a running switch."""
