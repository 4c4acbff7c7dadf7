"""import-burner: a Burner-style folder and its tables in, a BIDS derivative out."""

from pathlib import Path

from bids_adapters.burner import import_burner
from pipelines.output_dir.ownership import owned
from pipelines.progress import Progress


def run(
    maps_dir: Path, bids_dir: Path, phenotype: list[Path], prefer: Path | None, progress: Progress
) -> None:
    """Import and say who was left out."""
    with owned(bids_dir), progress.bar("Importing maps") as tick:
        summary = import_burner(maps_dir, bids_dir, phenotype, tick, prefer=prefer)
    progress.line(f"import-burner: {len(summary.imported)} participants in {bids_dir}")
    if len(summary.exclusions):
        reasons = ", ".join(
            f"{n} {reason}" for reason, n in summary.exclusions["reason"].value_counts().items()
        )
        progress.warning(f"left out: {reasons}; see {bids_dir / 'import_exclusions.tsv'}")
