"""What `cohort.background_from` names, in a cohort's results: references as they are, and datasets, learnt from here.

Of a dataset's participants nothing is kept but maps on the common grid, by number; nothing is written where it lies.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from adhd_cvae.cohort.covariates import site_codes
from adhd_cvae.errors import InputError
from adhd_cvae.images.cache import copy_rows, open_images, write_within
from adhd_cvae.images.overlap import common_mask, equal_maps, likeness
from adhd_cvae.io import fingerprint, remove
from adhd_cvae.models.reference_file import STEM
from bids_adapters.cohort import Cohort
from bids_adapters.derivatives import read_description
from bids_adapters.images.kind import Kind
from bids_adapters.preparation import prepare_cohort
from pipelines.background.facts import described
from pipelines.background.healthy import check_count, find_healthy
from pipelines.background.learning import learnt
from pipelines.mlflow_tracking.reference_model import open_reference, shown_name
from pipelines.output_dir.bids_source import table_checksums, tree_fingerprint
from pipelines.output_dir.ownership import clear
from pipelines.output_dir.paths import BidsInput
from pipelines.output_dir.provenance import settings_of
from pipelines.output_dir.run import Run
from pipelines.recipes.borrowed import Source, borrow, check_made, made_otherwise

_OF_LEARNING = ("image.mask_threshold", "reference.least_participants", "reference.most_axes")
"""Settings that decide what is learnt from a dataset, beside those of its maps."""
KEPT = "kept.npy"
"""Maps of a dataset without those who are in the cohort, while it is learnt from."""


@dataclass(frozen=True)
class Lenders:
    """Everything that a recipe borrows from.

    Parameters
    ----------
    run
        The call of the stage that borrows.
    """

    run: Run

    @cached_property
    def references(self) -> dict[int, Source]:
        """What was learnt elsewhere, by its number in the recipe.

        Raises
        ------
        InputError
            It is not there, or damaged.
        """
        return {
            number: Source(shown_name(one), *open_reference(one, self.run.paths.folder))
            for number, one in self._numbered
            if not _is_dataset(one)
        }

    @cached_property
    def datasets(self) -> dict[int, BidsInput]:
        """BIDS directories, by their number in the recipe."""
        return {number: BidsInput(Path(one)) for number, one in self._numbered if _is_dataset(one)}

    @property
    def _numbered(self) -> list[tuple[int, str]]:
        return list(enumerate(self.run.recipe.cohort.background_from, start=1))

    @property
    def settings(self) -> dict[str, Any]:
        """Of those of a stage, what decides more than the cohort's and the maps' own."""
        return settings_of(self.run.recipe, *_OF_LEARNING) if self.datasets else {}

    @property
    def inputs(self) -> dict[str, str]:
        """Name of each input of a stage to its checksum."""
        folder = self.run.paths.folder
        found = {number: one.reference.checksum for number, one in self.references.items()}
        for number, one in self.datasets.items():
            found[number] = fingerprint([tree_fingerprint(one.folder, folder), table_checksums(one)])
        return {f"background {number}": found[number] for number in sorted(found)}

    @property
    def outputs(self) -> tuple[str, ...]:
        """Folders that are filled, relative to OUTPUT_DIR."""
        paths = self.run.paths
        return tuple(paths.borrowed.relative_to(paths.folder).as_posix() for _ in self._numbered[:1])

    def find(self, kind: Kind | None) -> dict[int, Cohort]:
        """Find whom the datasets lend, before a map is read, and refuse maps that were not made as the cohort's are.

        Raises
        ------
        InputError
            They were made otherwise, or a dataset has too few healthy participants.
        """
        self._clear()
        for line in check_made([*self.references.values()], self.run.recipe.image, kind):
            self.run.progress.line(line)
        found = {}
        for number, source in self.datasets.items():
            name = _name(source)
            self.run.progress.line(f"background {number}: {name}")
            try:
                found[number] = find_healthy(self.run, source)
                check_count(self.run, len(found[number].table))
            except InputError as error:
                raise InputError(
                    *(f"{name}, of cohort.background_from: {one}" for one in error.problems)
                ) from None
            if problems := made_otherwise(name, self._described(name, found[number]), kind):
                raise InputError(*problems)
        return found

    def _clear(self) -> None:
        """Remove what an earlier call kept of lenders that are no more."""
        paths = self.run.paths
        gone = [one for one in paths.borrowed.glob("[0-9]*") if one.name not in map(str, self.datasets)]
        gone += [] if self.datasets else [paths.lent]
        clear(paths.folder, [one.relative_to(paths.folder).as_posix() for one in gone])

    def _sites(self, cohort: Cohort) -> NDArray | None:
        return site_codes(cohort.table, self.run.recipe.cohort.site)

    def _described(self, name: str, cohort: Cohort) -> dict[str, Any]:
        return described(cohort, self.run.recipe.image, name, self._sites(cohort), site_names=False)

    def lend(self, found: dict[int, Cohort], table: pd.DataFrame) -> list[Source]:
        """Learn from the datasets, bring together what is borrowed, and keep it in OUTPUT_DIR.

        Parameters
        ----------
        found
            Whom the datasets lend, as `find` gives them.
        table
            The cohort, whose maps are in the cache.

        Raises
        ------
        InputError
            Too few of a dataset are left, or what is borrowed does not fit.
        """
        own = np.load(self.run.paths.images, mmap_mode="r")
        paths, sources, met, parts = self.run.paths, dict(self.references), [own], []
        for number, cohort in found.items():
            folder, name = paths.borrowed / str(number), _name(self.datasets[number])
            prepared = self._prepared(number, cohort, folder)
            images, lent = self._not_met(name, prepared, folder, met)
            reference, sites = learnt(self.run, images, lent.table)[0], self._sites(lent)
            sources[number] = Source(name, reference, self._described(name, lent), len(images))
            parts.append((images, np.zeros(len(images)) if sites is None else sites))
            met.append(open_images(folder))
        if parts:
            write_within(parts, paths.lent)
        for number in found:
            remove(paths.borrowed / str(number) / KEPT)
        every = [sources[number] for number in sorted(sources)]
        for line in borrow(every, own, table, self.run.recipe, paths.borrowed) if every else ():
            self.run.progress.line(line)
        return every

    def _prepared(self, number: int, found: Cohort, folder: Path) -> Cohort:
        """Bring a dataset's maps to the grid; those who are left have the maps of the folder, in their order."""
        source = self.datasets[number]
        with self.run.progress.bar(f"Preparing maps of {_name(source)}") as tick:
            return prepare_cohort(found, source.folder, self.run.recipe.image, folder, tick, named=False)

    def _not_met(
        self, name: str, cohort: Cohort, folder: Path, met: Sequence[NDArray]
    ) -> tuple[NDArray, Cohort]:
        """Leave out of a dataset whom the cohort, or a dataset before it, has too: maps, and whose they are."""
        run, settings, images = self.run, self.run.recipe.cohort, open_images(folder)
        equal, near = np.zeros((2, len(images)), bool)
        for others in met:
            equal |= equal_maps(others, images)
            mask = common_mask(others, images, run.recipe.image.mask_threshold)
            near |= likeness(others, images, mask, settings.background_same_axes) >= settings.background_same
        rows = np.flatnonzero(~(equal | near))
        unusable = Counter(cohort.exclusions.loc[cohort.exclusions["stage"] == "image", "reason"])
        words = "".join(f", {count} {reason}" for reason, count in unusable.most_common())
        run.progress.line(
            f"{name}: {len(rows)} of {len(images)} healthy participants lend their maps{words and f' ({words[2:]})'}; "
            f"left out are {equal.sum()} whose map the cohort, or a dataset before, has as well, and "
            f"{(near & ~equal).sum()} whose map is so like one there that it is the same participant's"
        )
        check_count(run, len(rows))
        lent = replace(cohort, table=cohort.table.iloc[rows].reset_index(drop=True))
        if len(rows) < len(images):
            images = copy_rows(images, rows, folder / KEPT)
        return images, lent


def _is_dataset(source: str) -> bool:
    """Whether an entry is a BIDS directory: a folder of a reference has a description too."""
    folder = Path(source)
    if source.startswith("models:/") or (folder / f"{STEM}.json").is_file():
        return False
    return (folder / "dataset_description.json").is_file() or any(folder.glob("sub-*"))


def _name(source: BidsInput) -> str:
    """Name a dataset as it does itself, without where it lies."""
    return str(read_description(source.folder).get("Name") or source.folder.name)
