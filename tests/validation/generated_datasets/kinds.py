"""Studies at random: each of several kinds, bent one after the other."""

import random
from collections.abc import Callable

from tests.validation.generated_datasets import map_kinds, table_kinds
from tests.validation.generated_datasets.truth import Study, plain_study

KINDS: dict[str, Callable[[Study, random.Random], bool]] = {
    "I": table_kinds.identifiers,
    "M": map_kinds.new_participants,
    "A": map_kinds.visits,
    "B": table_kinds.shared_names,
    "C": table_kinds.quotation_marks,
    "D": table_kinds.missing_codes,
    "E": table_kinds.words,
    "F": table_kinds.own_levels,
    "L": table_kinds.settings,
    "G": map_kinds.several_streams,
    "K": map_kinds.not_fetched,
    "H": map_kinds.one_brain_twice,
    "J": map_kinds.scale_and_orientation,
}
"""Kinds of issue 15, in the order in which they bend a study."""
OF_VOXELS = {"H": 0.08, "J": 0.08}
"""Kinds that only voxels show, and their shares: these studies go through the command line."""
COMMAND_LINE = 0.01
"""Share of the other studies that do, too."""


def draw_study(seed: int) -> Study:
    """Draw a study of one to four kinds; the same seed gives the same study."""
    rng = random.Random(seed)  # noqa: S311, no secret
    order = list(KINDS)
    chosen = set(rng.sample([kind for kind in order if kind not in OF_VOXELS], rng.randint(1, 4)))
    voxels = rng.random()
    if voxels < sum(OF_VOXELS.values()):
        chosen = set(sorted(chosen - set("AGM"))[:2]) | {"H" if voxels < OF_VOXELS["H"] else "J"}
    whole = bool(chosen & set(OF_VOXELS)) or rng.random() < COMMAND_LINE
    study = plain_study(rng, 16 if whole else 2 * rng.randint(5, 7))
    study.whole = whole
    study.kinds = "".join(sorted(kind for kind in order if kind in chosen and KINDS[kind](study, rng)))
    if study.alone:
        map_kinds.leave_one(study)
    return study
