"""Building a bank (9.4): from flat-lays to a bank of a wanted size."""
