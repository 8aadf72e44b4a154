"""How well the garment of a photo of somebody who wears it becomes its standard."""
