"""Synthetic garments: structure, texture, flat-lay and photo in the wild."""
