"""The Bank page: the silhouettes that retrieval chooses from, looked at, changed, added to."""
