"""The pages, each in its own room."""
