"""A recipe for a dataset: what is refused, and that nothing else is touched."""

import pytest

from adhd_cvae.errors import InputError
from pipelines.output_dir.paths import BidsInput
from pipelines.progress import Silent
from pipelines.stages import init


def test_nothing_is_written_in_the_dataset(tmp_path):
    (tmp_path / "bids").mkdir()
    with pytest.raises(InputError, match="nothing is written but below derivatives"):
        init.run(BidsInput(tmp_path / "bids"), tmp_path / "bids" / "own.yaml", Silent())


def test_without_tables_there_is_nothing_to_guess_from(tmp_path):
    (tmp_path / "bids").mkdir()
    with pytest.raises(InputError, match=r"no participants\.tsv"):
        init.run(BidsInput(tmp_path / "bids"), tmp_path / "own.yaml", Silent())
    assert not (tmp_path / "own.yaml").exists()
