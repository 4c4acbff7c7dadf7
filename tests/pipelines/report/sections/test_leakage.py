"""What a space holds that it should not."""

from pathlib import Path

from adhd_cvae.io import read_tsv
from pipelines.output_dir.results import Results
from pipelines.report.sections import leakage
from tests.pipelines.whole_tables import write_whole


def test_probes_and_measures_are_shown_in_words(folder: Path) -> None:
    independence = read_tsv(folder / "analysis/independence.tsv").assign(note=None)
    write_whole(independence, folder / "analysis/independence.tsv")
    probes, measures = (make(Results(folder)) for make in leakage.SECTION.tables)
    assert probes is not None
    assert probes.blocks["salient s"] == [
        ["sex", "linear", "balanced accuracy", "0.600", "0.500", "0.620", "0.100"]
    ]
    assert measures is not None
    assert measures.columns == ("measure", "space", "value", "p")
    assert measures.blocks[""][0] == ["dependence of s and z (HSIC)", "salient s", "0.0100", "0.010"]
    assert measures.blocks[""][1] == ["units", "salient s", "2", "n/a"]
