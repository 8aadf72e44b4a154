"""Attribute readers: Table 6's values and how sure they are, from a photo.

All have one method, `read` (see `reading`); `choice` names them as the command line does.
"""
