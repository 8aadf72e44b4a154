"""Putting models together: new ones from a preset, and paper-scale ones from published parts."""
