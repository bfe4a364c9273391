"""What is said about a link and not over it for a payment: sign-on, echo, maintenance, retiring, diagnosis."""
