"""Pictures of the spaces, where there is something to show."""

from pathlib import Path

import pytest

from adhd_cvae.io import read_tsv
from pipelines.output_dir.results import Results
from pipelines.report.sections import latents
from tests.pipelines.whole_tables import write_whole

PICTURES = {picture.name: picture for picture in latents.SECTION.pictures}


def test_a_space_that_was_not_mapped_has_no_picture(folder: Path) -> None:
    table = read_tsv(folder / "analysis/umap.tsv")
    write_whole(table[table["space"] != "vae"], folder / "analysis/umap.tsv")
    results = Results(folder)
    assert PICTURES["umap_vae_variables"].plot(results) is None
    figure = PICTURES["umap_salient_variables"].plot(results)
    assert figure is not None
    assert {"age", "ADHD Index"} <= {axes.get_title("left") for axes in figure.axes}


@pytest.mark.parametrize("name", PICTURES)
def test_nothing_is_plotted_of_nothing(tmp_path: Path, name: str) -> None:
    assert PICTURES[name].plot(Results(tmp_path)) is None
