"""Comparing: files are refused before anything is read; runs are found by folder, id and name."""

import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import write_json
from pipelines.stages import compare


@pytest.mark.parametrize(("asked", "words"), [(["a"], "1 runs"), (["a"] * 27, "expected 2 to 26")])
def test_fewer_than_two_and_more_than_there_are_letters_are_refused(asked, words):
    with pytest.raises(InputError, match=words):
        compare.run(asked, None)


def test_nothing_is_replaced_and_nothing_written_into_a_dataset(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        compare.run(["a", "b"], page)
    assert page.read_text() == "mine"
    with pytest.raises(InputError, match="there is no folder"):
        compare.run(["a", "b"], tmp_path / "none" / "page.html")
    write_json({"Name": "raw", "BIDSVersion": "1.10.0"}, tmp_path / "raw" / "dataset_description.json")
    with pytest.raises(InputError, match="nothing is written but below derivatives"):
        compare.run(["a", "b"], tmp_path / "raw" / "page.html")


def test_a_run_that_nobody_knows_is_one_line(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="no MLflow store at") as caught:
        compare.run(["a", "b"], None)
    assert len(caught.value.problems) == 1
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no results to compare\. Run `adhd-cvae analyse"):
        compare.run(["empty", "b"], None)
