"""Curating banks: which one lies open, what is about to be added, how often entries were used."""
