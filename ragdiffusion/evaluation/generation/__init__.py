"""Are the pictures right?"""
