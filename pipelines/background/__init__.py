"""Healthy anatomy to borrow: found in a dataset, learnt, and brought into a cohort's results."""
