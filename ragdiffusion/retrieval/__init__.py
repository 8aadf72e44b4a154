"""Retrieval-based structure aggregation (3.1, 3.2): from a sight of a photo to a structure guide."""
