"""Sections of the report: each owns its sentences, tables and figure captions."""
