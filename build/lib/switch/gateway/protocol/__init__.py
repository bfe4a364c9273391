"""What shops and the gateway say to each other, as text: field names, hashes, amounts. Pure: fields in, fields out."""
