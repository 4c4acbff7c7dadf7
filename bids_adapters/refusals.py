"""Why no cohort can be made of a dataset, and what to do about it."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from adhd_cvae.names import BACKGROUND, TARGET
from bids_adapters.images.index import derivative_roots


def no_tables(bids_dir: Path) -> str:
    """Say that nothing names the groups."""
    around = ", nor in the dataset around it" if bids_dir.resolve().parent.name == "derivatives" else ""
    return (
        f"{bids_dir}: no participants.tsv and no phenotype/*.tsv or *.csv{around}, so no groups. "
        f"Put one there. {_hint(bids_dir)}"
    )


def check_groups(
    table: pd.DataFrame,
    exclusions: pd.DataFrame,
    settings: CohortConfig,
    bids_dir: Path,
    groups: Mapping[str, tuple[str, str]] | None,
) -> None:
    """Stop where there is nothing to work on.

    Raises
    ------
    InputError
        Nobody is left, or one group only.
    """
    reasons = ", ".join(f"{reason} {count}" for reason, count in exclusions["reason"].value_counts().items())
    if table.empty:
        raise InputError(f"{bids_dir}: no participant is left ({reasons or 'none found'}). {_hint(bids_dir)}")
    if groups is None:
        return
    held = Counter(code for _, code in groups.values() if code)
    found = ", ".join(f"{code} ({count})" for code, count in sorted(held.items()))
    for group, codes in ((TARGET, settings.target), (BACKGROUND, settings.background)):
        if group not in set(table["group"]):
            raise InputError(
                f"{bids_dir}: nobody in the {group} group: no usable participant has {settings.group} in "
                f"{', '.join(map(str, codes))} (left out: {reasons or 'none'}). The table has {found}: name yours with "
                f"--set 'cohort.{group}=[…]'."
            )


def _hint(bids_dir: Path) -> str:
    """Say what would be recognised, or what to do with a Burner folder."""
    if any(bids_dir.glob("mwrc1*.nii*")):
        return "These are Burner maps: adhd-cvae import-burner makes a BIDS dataset of them."
    if (bids_dir / ".gitmodules").is_file():
        empty = [folder for folder in derivative_roots(bids_dir) if not any(folder.iterdir())]
        if empty:
            where = empty[0].relative_to(bids_dir)
            return f"{where} is a subdataset that is not fetched: datalad get -r {where} brings it."
    return (
        "Recognised maps: *_space-<template>_label-GM_probseg, mwp1* and mwc1*, "
        "*_segm-graymatter_*_probability, swssd*_anat_gm; any other through --bids-filter-file."
    )
