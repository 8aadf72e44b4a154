"""The outline editor: one mask of 8-bit pixels in the browser, shown, edited, sent and exported as it is."""
