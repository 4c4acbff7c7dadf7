"""Simulated cohorts with planted effects: anatomy, participants, maps."""
