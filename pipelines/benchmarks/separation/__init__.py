"""Methods compared on simulated cohorts where the truth is known."""
