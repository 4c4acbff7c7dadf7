"""Several stages in a row: the two levels of a BIDS App, seeds, the demo."""
