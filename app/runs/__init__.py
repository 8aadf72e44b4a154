"""Runs: from the bench through the queue to a finished picture."""
