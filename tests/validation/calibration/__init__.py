"""How often each p-value is below 0.05 where nothing is."""
