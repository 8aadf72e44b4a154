"""Parsing: what is where in a photo, and which garment is meant.

    parser = NetworkParser(network)                  # network: the checkpoint's `garment_parser/`
    parse = parser.parse(photo)                      # PIL RGB photo of any size -> Parse
    parse.instances                                  # garments, largest first: name, box, mask, area, confidence
    parse.at(x, y)                                   # the garment under a point of the photo, or None
    parse.probabilities, parse.labels                # (9, 256, 256) and (256, 256) over the photo padded to a square
    choice = choose(parse, None)                     # or "lower", or (x, y), or a mask of the photo's size
    choice.garment.mask, choice.why                  # float32 (H, W) in [0, 1]; one line on why this one
    garment_in_box(photo, parse, (x0, y0, x1, y1))   # what a box holds, where the parser knows no garment

`choose` raises `NoGarmentError`, a ValueError that says what the photo does show. `load_bundled(folder)` loads a
checkpoint's own parser, `open_parser(text, bundled=...)` makes one of a name: "bundled", "segformer:FOLDER_OR_ID" or
"sam:FOLDER_OR_ID"; any object with `parse` will do. `ParserFinder(parser)` finds garments for the rest of the model.
Names of garments: upper (the only top), outer (jacket or coat), inner (top under it), lower (trousers, shorts,
skirt), dress.
"""
