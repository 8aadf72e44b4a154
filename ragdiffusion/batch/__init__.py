"""The flat-lay pictures of whole folders of photos: which photos, who makes them, what was made."""
