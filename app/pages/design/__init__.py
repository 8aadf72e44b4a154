"""The Design page: from a photo to pictures."""
