"""Scripts in cells (``# %%``) to read, run and change; each runs top to bottom after ``make demo``."""
