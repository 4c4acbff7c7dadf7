"""Who takes part: the cohort's table, its split, matching, and what site and age share with the group."""
