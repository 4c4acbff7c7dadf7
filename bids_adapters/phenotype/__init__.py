"""Phenotype tables of any lab, brought to one code book."""
