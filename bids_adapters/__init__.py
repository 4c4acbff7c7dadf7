"""BIDS in and out: gray-matter maps and phenotype tables of any lab -> the cohort the core works on."""

from bids_adapters.burner import ImportSummary, import_burner
from bids_adapters.cohort import Cohort, build_cohort

__all__ = ["Cohort", "ImportSummary", "build_cohort", "import_burner"]
