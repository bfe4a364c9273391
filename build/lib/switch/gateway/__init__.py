"""Web payment: an acquirer-side host between merchants' shops, their customers' browsers and the switch."""
