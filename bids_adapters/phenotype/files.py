"""A dataset's phenotype tables: which they are, and which of them are there to be read."""

from pathlib import Path

from adhd_cvae.io import how_to_fetch

TRUTH = "simulated_truth.tsv"
"""The planted factors of a simulated dataset; nothing but the recovery table may read them."""


def find_phenotype(bids_dir: Path) -> list[Path]:
    """List the dataset's phenotype tables, fetched or not; the truth of a simulation is none of them.

    A derivative (``…/derivatives/<name>``) that has none is described by those of the raw dataset around it.
    """
    whole = Path(bids_dir).resolve()
    places = [Path(bids_dir), *([whole.parents[1]] if whole.parent.name == "derivatives" else [])]
    for place in places:
        files = [place / "participants.tsv", *sorted((place / "phenotype").glob("*.[ct]sv"))]
        found = [path for path in files if (path.is_file() or path.is_symlink()) and path.name != TRUTH]
        if found:
            return found
    return []


def leave_out_not_fetched(files: list[Path]) -> tuple[list[Path], list[str]]:
    """Tell tables of ``phenotype/`` whose content is elsewhere from the others; participants.tsv is never left out.

    Returns
    -------
    files
        Those to be read.
    not_fetched
        A line for each of the others: its name, and how to fetch it.
    """
    hows = {
        path: how_to_fetch(path, f"phenotype/{path.name}") if path.parent.name == "phenotype" else None
        for path in files
    }
    lines = [f"phenotype/{path.name}: {how}" for path, how in hows.items() if how]
    return [path for path, how in hows.items() if not how], lines
