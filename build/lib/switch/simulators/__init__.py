"""The other parties: issuers, terminals, card networks. As pure as the switch."""
