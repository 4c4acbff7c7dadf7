"""What the model sees, where something was decoded."""

from pathlib import Path

import numpy as np

from pipelines.output_dir.results import Results
from pipelines.report.sections import reconstruction


def test_participants_are_numbered_and_never_named(folder: Path) -> None:
    figure = reconstruction.SECTION.pictures[0].plot(Results(folder))
    assert figure is not None
    assert [axes.get_ylabel() for axes in figure.axes if axes.get_ylabel()] == ["patient 1", "control 1"]


def test_nothing_decoded_gives_no_picture(folder: Path) -> None:
    with np.load(folder / "decoded.npz") as arrays:
        kept = {name: arrays[name] for name in arrays.files}
    kept["example"] = kept["example"][:0]
    kept["reconstruction_error"] = np.full(60, np.nan)
    np.savez(folder / "decoded.npz", allow_pickle=False, **kept)
    assert [picture.plot(Results(folder)) for picture in reconstruction.SECTION.pictures] == [None, None]
