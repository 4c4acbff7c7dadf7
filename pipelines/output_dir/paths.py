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
    """

    folder: Path
    labels: tuple[str, ...] = ()
    filter_file: Path | None = None
    prefer: Path | None = None


@dataclass(frozen=True)
class OutputPaths:
    """Every file and folder of an OUTPUT_DIR, by the name the stages use.

    Parameters
    ----------
    folder
        The OUTPUT_DIR, itself a BIDS derivative dataset. Nothing is created by asking for a path.
    """

    folder: Path

    @property
    def description(self) -> Path:
        """BIDS description of this derivative: who made it, from what."""
        return self.folder / "dataset_description.json"

    @property
    def bidsignore(self) -> Path:
        """Names the BIDS validator passes over."""
        return self.folder / ".bidsignore"

    @property
    def cohort(self) -> Path:
        """One row a participant: image, group, split, phenotype."""
        return self.folder / "cohort.tsv"

    @property
    def exclusions(self) -> Path:
        """Every participant or file left out, and why."""
        return self.folder / "exclusions.tsv"

    @property
    def conflicts(self) -> Path:
        """Values on which the phenotype files disagree; absent where they agree."""
        return self.folder / "conflicts.tsv"

    @property
    def confounding(self) -> Path:
        """What site, age, sex and missing values share with the group."""
        return self.folder / "confounding.tsv"

    @property
    def provenance(self) -> Path:
        """The reproducibility checklist."""
        return self.folder / "run.json"

    @property
    def cache(self) -> Path:
        """Folder of the prepared images."""
        return self.folder / "cache"

    @property
    def images(self) -> Path:
        """Prepared maps, (n, 64, 64, 64) float16, in the cohort's order."""
        return self.cache / "images.npy"

    @property
    def pictures(self) -> Path:
        """Slices of maps left out and of outliers, for the report."""
        return self.cache / "pictures.npz"

    @property
    def manifest(self) -> Path:
        """Which file, which transform made each prepared map."""
        return self.cache / "manifest.json"

    @property
    def checkpoints(self) -> Path:
        """Folder of weights and resumable training state."""
        return self.folder / "checkpoints"

    @property
    def cvae(self) -> Path:
        """Stem of the contrastive model's weights and configuration."""
        return self.checkpoints / "cvae"

    @property
    def reference(self) -> Path:
        """What the training participants' codes and reconstructions look like to the contrastive model."""
        return self.checkpoints / "cvae-reference.safetensors"

    @property
    def vae(self) -> Path:
        """Stem of the plain comparison model's weights and configuration."""
        return self.checkpoints / "vae"

    @property
    def history(self) -> Path:
        """Losses, one row an epoch and model."""
        return self.checkpoints / "history.tsv"

    @property
    def latents(self) -> Path:
        """Posterior means."""
        return self.folder / "latents.tsv"

    @property
    def distances(self) -> Path:
        """How far each map is from the participants trained on."""
        return self.folder / "distances.tsv"

    @property
    def draws(self) -> Path:
        """Posterior draws."""
        return self.folder / "draws.npz"

    @property
    def decoded(self) -> Path:
        """Decoded effects, traversals and examples; the analysis can do without."""
        return self.folder / "decoded.npz"

    @property
    def baselines(self) -> Path:
        """Scores of the linear baselines; the analysis can do without."""
        return self.folder / "baselines.tsv"

    @property
    def analysis(self) -> Path:
        """Folder of result tables."""
        return self.folder / "analysis"

    @property
    def maps(self) -> Path:
        """Folder of NIfTI results."""
        return self.folder / "maps"

    @property
    def figures(self) -> Path:
        """Folder of pictures."""
        return self.folder / "figures"

    @property
    def report(self) -> Path:
        """The self-contained page."""
        return self.folder / "report.html"

    def table(self, name: str) -> Path:
        """Result table `name` of the analysis."""
        return self.analysis / f"{name}.tsv"

    @property
    def ensemble(self) -> "OutputPaths":
        """Average over several seeds: a folder of results of its own."""
        return OutputPaths(self.folder / "ensemble")

    def member(self, seed: int) -> "OutputPaths":
        """Results of one further seed."""
        return OutputPaths(self.ensemble.folder / f"seed-{seed}")

    @property
    def stability(self) -> Path:
        """How far the codes of each two seeds agree; in an average only."""
        return self.folder / "stability.tsv"

    @property
    def seed_scores(self) -> Path:
        """Spread of every score over the seeds; in an average only."""
        return self.folder / "scores.tsv"
