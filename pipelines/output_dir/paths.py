"""The one place that knows how the files of an OUTPUT_DIR are called."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BidsInput:
    """Which part of which BIDS dataset goes in.

    Parameters
    ----------
    folder
        The BIDS_DIR.
    labels
        Participants wanted, with or without ``sub-``; empty for all.
    filter_file
        JSON of BIDS entities that choose the maps, as in other BIDS Apps.
    prefer
        The phenotype table to trust where two disagree.
    tables
        Phenotype tables beside those of the dataset.
    """

    folder: Path
    labels: tuple[str, ...] = ()
    filter_file: Path | None = None
    prefer: Path | None = None
    tables: tuple[Path, ...] = ()


class _Below:
    """A file or folder below OUTPUT_DIR: read from an `OutputPaths`, its path."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, paths: "OutputPaths", owner: type | None = None) -> Path:
        return paths.folder / self._name


@dataclass(frozen=True)
class OutputPaths:
    """Every file and folder of an OUTPUT_DIR, by the name the stages use; ``outputs.yaml`` says what they hold.

    Parameters
    ----------
    folder
        The OUTPUT_DIR, itself a BIDS derivative dataset. Nothing is created by asking for a path.
    """

    folder: Path

    description = _Below("dataset_description.json")
    cohort = _Below("cohort.tsv")
    folds = _Below("folds.tsv")
    exclusions = _Below("exclusions.tsv")
    conflicts = _Below("conflicts.tsv")
    confounding = _Below("confounding.tsv")
    provenance = _Below("run.json")
    log = _Below("logs/adhd-cvae.log")
    citation = _Below("logs/CITATION.md")
    bibliography = _Below("logs/CITATION.bib")

    cache = _Below("cache")
    images = _Below("cache/images.npy")
    pictures = _Below("cache/pictures.npz")
    manifest = _Below("cache/manifest.json")
    borrowed = _Below("cache/background")
    """Folder of the healthy anatomy that the recipe borrows; absent where it borrows none."""
    lent = _Below("cache/background/within.npy")
    """Maps of datasets that lend, around the means of their sites; absent where none does."""

    checkpoints = _Below("checkpoints")
    cvae = _Below("checkpoints/cvae")
    """Stem of the contrastive model's weights and configuration."""
    vae = _Below("checkpoints/vae")
    """Stem of the plain comparison model's weights and configuration."""
    reference = _Below("checkpoints/cvae-reference.safetensors")
    adjustment = _Below("checkpoints/adjustment")
    """Stem of what takes sites and covariates from maps; absent where nothing does."""
    history = _Below("checkpoints/history.tsv")
    earned = _Below("checkpoints/earned.tsv")

    latents = _Below("latents.tsv")
    distances = _Below("distances.tsv")
    draws = _Below("draws.npz")
    out_of_fold = _Below("out_of_fold.tsv")
    out_of_fold_arrays = _Below("out_of_fold.npz")
    fold_scores = _Below("cache/fold-scores.npz")
    decoded = _Below("decoded.npz")
    baselines = _Below("baselines.tsv")

    membership = _Below("membership.tsv")
    """Of healthy anatomy learnt for others only."""

    analysis = _Below("analysis")
    maps = _Below("maps")
    figures = _Below("figures")
    report = _Below("report.html")

    sensitivity = _Below("sensitivity")
    """What the cohort could have shown; absent until it is asked, as the next five."""
    power = _Below("sensitivity/power.tsv")
    smallest = _Below("sensitivity/smallest.tsv")
    false_positives = _Below("sensitivity/false_positives.tsv")
    sensitivity_facts = _Below("sensitivity/sensitivity.json")
    sensitivity_figures = _Below("sensitivity/figures")

    stability = _Below("stability.tsv")
    """In an average of several seeds only, as the next."""
    seed_scores = _Below("scores.tsv")

    def table(self, name: str) -> Path:
        """Result table `name` of the analysis."""
        return self.analysis / f"{name}.tsv"

    def fold_checkpoints(self, fold: int) -> Path:
        """Folder of the models fitted to those outside of a fold."""
        return self.checkpoints / f"fold-{fold}"

    @property
    def ensemble(self) -> "OutputPaths":
        """Average over several seeds: a folder of results of its own."""
        return OutputPaths(self.folder / "ensemble")

    def member(self, seed: int) -> "OutputPaths":
        """Results of one further seed."""
        return OutputPaths(self.ensemble.folder / f"seed-{seed}")
