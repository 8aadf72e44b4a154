"""The History page: every run, found again."""
