"""The API: what programs call."""
