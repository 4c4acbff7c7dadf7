"""Gray-matter maps of a BIDS dataset: indexed, recognised by name, chosen."""
