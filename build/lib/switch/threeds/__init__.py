"""EMV 3-D Secure: the 3DS server, the directory server, the issuers' access control servers, and what they say to each other."""
