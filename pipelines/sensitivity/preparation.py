"""From a dataset to what cohorts are made of: its controls' maps, what can be planted in them, and what is borrowed."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from adhd_cvae.cohort.covariates import chosen_covariates
from adhd_cvae.config import SensitivityConfig
from adhd_cvae.errors import InputError
from adhd_cvae.names import BACKGROUND, TARGET
from bids_adapters.cohort import Cohort
from bids_adapters.phenotype.groups import find_group_column
from bids_adapters.planting import prepare_planting
from bids_adapters.preparation import prepare_cohort
from pipelines.background.lenders import Lenders
from pipelines.output_dir.bids_source import find_cohort, measure_heads
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.recipes.borrowed import Source
from pipelines.sensitivity.cells import Laboratory
from pipelines.sensitivity.pseudo_cohorts import Dealer

_WHY = {"same_brain": "are one brain under several names (same_brain)"}


class Prepared(NamedTuple):
    """What a dataset gives.

    Attributes
    ----------
    laboratory
        What cohorts are made of.
    controls
        Of whom, in the order of their maps.
    lent
        What is borrowed.
    notes
        Sentences on what this cohort cannot be asked, or not as well.
    """

    laboratory: Laboratory
    controls: Cohort
    lent: Sequence[Source]
    notes: list[str]


def lenders_of(run: Run) -> Lenders:
    """What the recipe borrows from, in a folder of its own: what fits a cohort is seen by everybody's maps."""
    return Lenders(_below(run, "borrowing"))


def _below(run: Run, name: str) -> Run:
    """The same call for a folder below ``sensitivity/cache``."""
    return replace(run, paths=OutputPaths(run.paths.sensitivity.absolute() / "cache" / name))


def prepare(run: Run, source: BidsInput, key: str) -> Prepared:
    """Find everybody, prepare the controls' maps and what can be planted in them, and bring what is borrowed to them.

    Parameters
    ----------
    key
        Of everything that decides what a cohort is: cohorts of other keys are kept apart.

    Raises
    ------
    InputError
        No cohort can be made of the dataset, it has too few controls, or what is borrowed does not fit.
    """
    found, recipe, lent = _find(run, source), run.recipe, []
    of_controls, of_everybody = _below(run, "controls"), _below(run, "borrowing")
    if recipe.cohort.background_from:
        lenders = Lenders(of_everybody)
        healthy = lenders.find(found.kind)
        everybody = _with_maps(of_everybody, found, source.folder, "Preparing everybody's maps")
        lent = lenders.lend(healthy, everybody.table)
    is_control = found.table["group"] == BACKGROUND
    own = replace(found, table=pd.DataFrame(found.table[is_control]).reset_index(drop=True))
    controls = _with_maps(of_controls, own, source.folder, "Preparing controls' maps")
    unusable = _unusable(controls, len(own.table))
    _check_count(len(controls.table), recipe.sensitivity, unusable)
    with run.progress.bar("Preparing what is planted") as tick:
        cache = of_controls.paths.cache
        prepare_planting(controls.table, source.folder, recipe.image, recipe.sensitivity, cache, tick)
    table = pd.DataFrame(pd.concat([controls.table, found.table[~is_control]], ignore_index=True))
    # The linear model alone, and the covariates that the whole cohort has: parts of it might choose others.
    constant = chosen_covariates(table, recipe.cohort)
    cohort = recipe.cohort.model_copy(update={"covariates": constant})
    training = recipe.training.model_copy(update={"vae": False})
    laboratory = Laboratory(
        folder=run.paths.folder.resolve(),
        store=run.paths.sensitivity.absolute() / "cells" / key[:16],
        maps=of_controls.paths.cache,
        borrowed=of_everybody.paths.borrowed,
        recipe=recipe.model_copy(update={"cohort": cohort, "training": training}),
        everybody=table,
    )
    notes = [*unusable, *_notes(laboratory.dealer, table, recipe.sensitivity)]
    return Prepared(laboratory, controls, lent, notes)


def _find(run: Run, source: BidsInput) -> Cohort:
    """Everybody who is a patient or a control; where no column tells, everybody is a control."""
    found = find_cohort(source, run.recipe.cohort, run.progress, require_groups=False)
    if find_group_column(found.table, run.recipe.cohort) is None:
        run.progress.line(f"no column {run.recipe.cohort.group}: everybody is taken for a control")
        found = replace(found, table=found.table.assign(group=BACKGROUND))
    known = found.table["group"].isin([TARGET, BACKGROUND])
    found = replace(found, table=pd.DataFrame(found.table[known]).reset_index(drop=True))
    _check_count(counts(found.table)[1], run.recipe.sensitivity)
    return measure_heads(found, source, run.recipe.cohort, run.progress)


def counts(everybody: pd.DataFrame) -> tuple[int, int]:
    """How many patients and controls."""
    group = everybody["group"]
    return int(np.count_nonzero(group == TARGET)), int(np.count_nonzero(group == BACKGROUND))


def _check_count(controls: int, config: SensitivityConfig, unusable: Sequence[str] = ()) -> None:
    if controls >= (least := config.fewest_controls):
        return
    needed = f"cohorts are made of at least {least} (sensitivity.fewest_controls)"
    if unusable:
        raise InputError(f"{unusable[0]} {controls} are left, and {needed}.")
    raise InputError(
        f"{controls} controls with a map were found, and {needed}. Add controls, or name the codes of those that there "
        "are: --set 'cohort.background=[…]'."
    )


def _unusable(controls: Cohort, found: int) -> list[str]:
    """Say how many controls' maps cannot be used, and why; empty where all can."""
    of_image = controls.exclusions["stage"] == "image"
    reasons = Counter(controls.exclusions.loc[of_image, "reason"])
    why = ", ".join(f"{count} {_WHY.get(reason, reason)}" for reason, count in reasons.most_common())
    left_out = f"The maps of {reasons.total()} of {found} controls cannot be used: {why}."
    return [f"{left_out} `adhd-cvae prepare` names each in exclusions.tsv."] if reasons else []


def _with_maps(run: Run, cohort: Cohort, bids_dir: Path, name: str) -> Cohort:
    """Those whose maps can be used, in the order of a cache."""
    with run.progress.bar(name) as tick:
        return prepare_cohort(cohort, bids_dir, run.recipe.image, run.paths.cache, tick)


def _notes(dealer: Dealer, everybody: pd.DataFrame, config: SensitivityConfig) -> list[str]:
    patients, controls = counts(everybody)
    apart = [site for site, share in dealer.shares.items() if share in (0, 1)]
    notes = []
    if controls < config.usual_controls:
        notes.append(
            f"{controls} controls are few: cohorts made of them say little of larger ones, and are much alike."
        )
    if not patients:
        notes.append(
            "There are no patients: half of the controls of every site stand for them, whoever they are."
        )
    elif not dealer.has_both:
        notes.append(
            "No site has patients and controls: half of the controls of every site stand for patients, which is not "
            "how the groups of this cohort differ. Its own comparison cannot tell groups from sites."
        )
    elif apart:
        notes.append(f"Sites with one group alone, where nobody stands for a patient: {', '.join(apart)}.")
    return notes
