"""Where a card's issuer is reached, and what that costs."""
