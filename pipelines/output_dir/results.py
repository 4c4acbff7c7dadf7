"""Reading side of an OUTPUT_DIR: each table if it is there, and the words for its columns and codes."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypedDict, cast

import numpy as np
import pandas as pd
from nibabel.nifti1 import Nifti1Image

from adhd_cvae.cohort.covariates import chosen_covariates
from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from adhd_cvae.images.nifti import map_name
from adhd_cvae.io import read_json, read_object
from adhd_cvae.names import ALPHA, code_label
from pipelines.output_dir import tables
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance
from pipelines.output_dir.table import OutputTable

SMALLEST = 0.1
"""Share of the largest change below which an overlay would only tint the anatomy."""


class SensitivityFacts(TypedDict):
    """``sensitivity.json``: what `sensitivity` asked, beside its tables.

    Attributes
    ----------
    n, patients
        Of the cohort.
    cohort_n, cohort_patients
        Of the largest cohort that was made of the controls.
    controls
        Of the cohort, of whom these were made.
    references
        Names of what lent a background; empty for none.
    lent
        Their participants.
    severities
        Names of what was planted.
    quick
        Whether fewer cohorts were made, for a first answer.
    notes
        Sentences on what could not be asked, or not as well.
    """

    n: int
    patients: int
    cohort_n: int
    cohort_patients: int
    controls: int
    references: list[str]
    lent: int
    severities: list[str]
    quick: bool
    notes: list[str]


def _read(described: OutputTable, path: Path) -> pd.DataFrame | None:
    table = described.read(path) if path.is_file() else None
    return None if table is None or table.empty else table


class _Held(cached_property[pd.DataFrame | None]):
    """The table at the path of the same name in `OutputPaths`; read once, None where it is absent or has no row."""

    def __init__(self, described: OutputTable) -> None:
        super().__init__(lambda results: _read(described, getattr(results.paths, str(self.attrname))))


class Results:
    """What an OUTPUT_DIR holds; whatever is absent is None or empty."""

    def __init__(self, folder: Path) -> None:
        self.paths = OutputPaths(Path(folder))

    cohort = _Held(tables.COHORT)
    folds = _Held(tables.FOLDS)
    exclusions = _Held(tables.EXCLUSIONS)
    history = _Held(tables.HISTORY)
    earned = _Held(tables.EARNED)
    latents = _Held(tables.LATENTS)
    out_of_fold = _Held(tables.OUT_OF_FOLD)
    distances = _Held(tables.DISTANCES)
    power = _Held(tables.POWER)
    smallest = _Held(tables.SMALLEST)
    false_positives = _Held(tables.FALSE_POSITIVES)
    stability = _Held(tables.STABILITY)
    """Of an average of several seeds."""

    @cached_property
    def provenance(self) -> Provenance:
        """``run.json``, as it was when first asked for."""
        return Provenance.open(self.paths)

    @property
    def run(self) -> dict[str, Any]:
        """The content of ``run.json``."""
        return self.provenance.content

    @cached_property
    def sidecar(self) -> dict[str, Any]:
        """``cohort.json``: what each column means.

        Raises
        ------
        InputError
            It is there and no JSON object.
        """
        path = self.paths.cohort.with_suffix(".json")
        try:
            found = read_json(path)
        except FileNotFoundError:
            return {}
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise InputError(f"{path} is no JSON object. Mend it, or run `adhd-cvae prepare` again.")
        return found

    @cached_property
    def sensitivity(self) -> SensitivityFacts | None:
        """``sensitivity.json``; None where it is absent.

        Raises
        ------
        InputError
            It is there and lacks something.
        """
        path = self.paths.sensitivity_facts
        if not path.is_file():
            return None
        found, needed = read_object(path), SensitivityFacts.__required_keys__
        if absent := sorted(needed - found.keys()):
            raise InputError(f"{path} has no {', '.join(absent)}. Run `adhd-cvae sensitivity` again.")
        return cast("SensitivityFacts", {name: found[name] for name in needed})

    @cached_property
    def decoded(self) -> dict[str, np.ndarray]:
        """Arrays of ``decoded.npz``."""
        return tables.DECODED.read(self.paths.decoded) if self.paths.decoded.is_file() else {}

    @property
    def is_out_of_fold(self) -> bool:
        """Whether what analyses work on is of models that have not met the participants."""
        return self.out_of_fold is not None or (self.latents is not None and "fold" in self.latents)

    @cached_property
    def fold_arrays(self) -> dict[str, np.ndarray]:
        """Arrays of ``out_of_fold.npz``."""
        path = self.paths.out_of_fold_arrays
        return tables.FOLD_ARRAYS.read(path) if path.is_file() else {}

    @cached_property
    def pictures(self) -> dict[str, np.ndarray]:
        """Arrays of ``cache/pictures.npz``."""
        return tables.PICTURES.read(self.paths.pictures) if self.paths.pictures.is_file() else {}

    def analysis(self, name: str) -> pd.DataFrame | None:
        """Table ``analysis/<name>.tsv``; None where it is absent or has no row."""
        return _read(tables.ANALYSIS[name], self.paths.table(name))

    def brain_map(self, name: str) -> Nifti1Image | None:
        """The map of ``maps/`` with this description; None where it is absent."""
        found = sorted(self.paths.maps.glob(f"*_desc-{name}_map.nii.gz"))
        return Nifti1Image.from_filename(found[0]) if found else None

    def brain_maps(self, start: str) -> list[Nifti1Image]:
        """The maps whose description is `start` and a number, in order."""
        found = sorted(self.paths.maps.glob(f"*_desc-{start}[0-9][0-9]_map.nii.gz"))
        return [Nifti1Image.from_filename(path) for path in found]

    def significant(self, statistic: str, *test: str, size: str | None = None) -> Nifti1Image | None:
        """A test's statistic where it counts, else 0; None where nothing does.

        Parameters
        ----------
        size
            The test's map in gray-matter volume: a voxel counts where its corrected p is below `ALPHA` and, with
            such a map, its change at least `SMALLEST` of the largest.
        """
        values, p = (self.brain_map(map_name(*test, name)) for name in (statistic, "p"))
        change = values if size is None else self.brain_map(map_name(*test, size))
        if values is None or p is None or change is None:
            return None
        sizes, least = np.abs(change.get_fdata()), 0 if size is None else SMALLEST
        counts = (p.get_fdata() < ALPHA) & (sizes >= least * sizes.max())
        shown = np.where(counts, values.get_fdata(), 0).astype(np.float32)
        return Nifti1Image(shown, values.affine) if shown.any() else None

    def decoded_difference(self) -> Nifti1Image | None:
        """The mean salient effect, where folds are known only where all of them agree on its sign."""
        mean, agreement = self.brain_map("salientEffectMean"), self.brain_map("salientEffectAgreement")
        if mean is None or agreement is None:
            return mean
        return Nifti1Image((mean.get_fdata() * agreement.get_fdata()).astype(np.float32), mean.affine)

    @property
    def recipe(self) -> dict[str, Any]:
        """The resolved recipe."""
        return self.run.get("recipe", {})

    def setting(self, key: str, default: Any = None) -> Any:
        """Value of a dotted recipe key, `default` where the recipe is unknown."""
        value: Any = self.recipe
        for part in key.split("."):
            if not isinstance(value, dict) or part not in value:
                return default
            value = value[part]
        return value

    def members(self, **values: object) -> pd.DataFrame:
        """The cohort's participants with the given values: ``members(group="target", site=3)``."""
        if self.cohort is None:
            return pd.DataFrame()
        chosen = np.ones(len(self.cohort), dtype=bool)
        for column, value in values.items():
            chosen &= (self.cohort[column] == value).to_numpy()
        return self.cohort.loc[chosen]

    @cached_property
    def fold_of_each(self) -> list[int]:
        """Fold of each of the cohort's participants; empty where there is none, or of others."""
        if self.cohort is None or self.folds is None:
            return []
        known = dict(zip(self.folds["participant_id"], self.folds["fold"], strict=True))
        names = self.cohort["participant_id"].tolist()
        return [int(known[name]) for name in names] if {*names} <= {*known} else []

    @property
    def site(self) -> str | None:
        """The site's column, where the cohort has one."""
        column = self.setting("cohort.site", "site")
        return column if self.cohort is not None and column in self.cohort else None

    @cached_property
    def covariates(self) -> tuple[str, ...]:
        """Names of what is held constant beside the site."""
        if self.cohort is None:
            return ()
        asked = self.setting("cohort.covariates")
        settings = CohortConfig(covariates=None if asked is None else tuple(asked))
        return chosen_covariates(self.cohort, settings)

    def label(self, variable: str) -> str:
        """Words for a variable: the sidecar's LongName, else ours, else its name."""
        described = self.sidecar.get(variable, {})
        long_name = described.get("LongName") if isinstance(described, dict) else None
        return str(long_name or tables.DESCRIBED["variables"].get(variable, variable.replace("_", " ")))

    def levels(self, variable: str) -> dict[str, str]:
        """Code: words, of a nominal variable, from the sidecar's Levels."""
        described = self.sidecar.get(variable, {})
        levels = described.get("Levels", {}) if isinstance(described, dict) else {}
        return {
            str(code): str(words.get("Description", code)) if isinstance(words, dict) else str(words)
            for code, words in levels.items()
        }

    def level(self, variable: str, code: object) -> str:
        """Words of one code; 3 and 3.0 are the same code."""
        return code_label(code, self.levels(variable))

    def named_level(self, variable: str, code: object) -> str:
        """Words of one code for a sentence: ``Peking``, or ``site 8`` where the sidecar has no word for 8."""
        words = self.level(variable, code)
        is_number = words.replace(".", "", 1).removeprefix("-").isdigit()
        known = words in self.levels(variable).values() or not is_number
        return words if known else f"{self.label(variable)} {words}"

    @property
    def scales(self) -> dict[str, str]:
        """Variable: ``ratio`` or ``nominal``, as analysed; from rsa.tsv, else from the recipe."""
        rsa = self.analysis("rsa")
        if rsa is not None:
            return dict(zip(rsa["variable"], rsa["scale"], strict=True))
        return {item["name"]: item["scale"] for item in self.setting("analysis.variables", [])}


@dataclass(frozen=True)
class FoundRun:
    """What there is to compare of a run.

    Attributes
    ----------
    settings
        By dotted key.
    cohort, digest, counts
        Name of the data, what tells them from others, participants in all and by group.
    results
        Tables and figures, wherever they lie.
    """

    name: str
    place: str
    settings: dict[str, Any]
    cohort: str
    digest: str
    counts: dict[str, int]
    scores: dict[str, float]
    results: Results
