"""Who takes part: the cohort's table, its folds, matching, and what site and age share with the group."""
