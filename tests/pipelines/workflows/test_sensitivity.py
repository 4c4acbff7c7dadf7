"""Before anything is read: whose folder it is, and where a planted cohort may go. The rest is in tests/whole."""

import pytest

from adhd_cvae.errors import InputError
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.provenance import Provenance, Stage
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.workflows import sensitivity


@pytest.fixture
def asked(tmp_path):
    (tmp_path / "bids").mkdir()
    return Run(OutputPaths(tmp_path / "out"), load_recipe("smoke"), Silent()), BidsInput(tmp_path / "bids")


def test_results_of_another_dataset_are_refused(asked):
    run, source = asked
    with owned(run.paths.folder):
        Provenance.open(run.paths).note(bids_dir="../elsewhere")
        with pytest.raises(InputError, match=r"results of \.\./elsewhere, not of the cohort \.\./bids"):
            sensitivity.run(run, source)


def test_a_folder_of_healthy_anatomy_is_refused(asked):
    run, source = asked
    with owned(run.paths.folder):
        Provenance.open(run.paths).perform(Stage("background", {}, {}, ()), run, lambda: None)
        with pytest.raises(InputError, match="Choose another OUTPUT_DIR"):
            sensitivity.run(run, source)


def test_a_store_that_will_never_do_is_refused_before_hours_of_work(asked, monkeypatch):
    run, source = asked
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mysql://lab@127.0.0.1:1/m")
    with owned(run.paths.folder), pytest.raises(InputError, match="refuses: No module named 'MySQLdb'"):
        sensitivity.run(run, source)


def test_a_planted_cohort_does_not_go_into_the_dataset_or_where_something_is(asked):
    run, source = asked
    with owned(run.paths.folder), pytest.raises(InputError, match="is in the dataset"):
        sensitivity.run(run, source, export=source.folder / "planted")
    (source.folder.parent / "full").mkdir()
    (source.folder.parent / "full" / "notes.txt").write_text("mine")
    with owned(run.paths.folder), pytest.raises(InputError, match="not empty"):
        sensitivity.run(run, source, export=source.folder.parent / "full")
    assert not any(source.folder.iterdir())


def test_an_empty_dataset_is_one_line(asked):
    run, source = asked
    with owned(run.paths.folder), pytest.raises(InputError) as refused:
        sensitivity.run(run, source)
    assert all("\n" not in line for line in refused.value.problems)
