"""How well photos are parsed, and which garment is found."""
