"""How often each p-value about a cohort is below 0.05 where nothing is, and how often where something is."""
