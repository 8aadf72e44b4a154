"""What each part of the paper is worth."""
