"""Files: what is kept on disk, and what is given away."""
