"""How pages are put together, what the browser is given for them, and how they look."""
