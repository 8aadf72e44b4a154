"""The session log: every run with all that is needed to show it, repeat it and restore it."""
