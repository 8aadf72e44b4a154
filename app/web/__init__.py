"""How pages are put together and how they look."""
