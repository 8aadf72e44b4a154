"""The draft: an appearance flow carries the photo's own pixels into a landmark."""
