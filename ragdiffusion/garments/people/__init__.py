"""Rendered people wearing garments: photo, labels, garment instances, and the exact map to each flat-lay.

Needs the packages of ``requirements-train.txt`` (anny's CC0 bodies, numba); nothing outside training imports it.
"""
