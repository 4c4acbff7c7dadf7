import json
from pathlib import Path

import pandas as pd

from bids_adapters.derivatives import is_ours, read_description, write_description, write_table


def test_description_says_what_made_the_dataset(tmp_path: Path) -> None:
    write_description(tmp_path, "A dataset", "a step", License="CC0")
    content = json.loads((tmp_path / "dataset_description.json").read_text())
    assert content["DatasetType"] == "derivative"
    assert content["GeneratedBy"][0]["Name"] == "adhd-cvae"
    assert content["License"] == "CC0"
    assert "SourceDatasets" not in content
    assert is_ours(read_description(tmp_path), "a step")
    assert not is_ours(read_description(tmp_path), "another step")
    (tmp_path / "dataset_description.json").write_text("[]")
    assert not is_ours(read_description(tmp_path), "a step")
    assert not is_ours(read_description(tmp_path / "absent"), "a step")


def test_a_table_has_its_description_beside_it(tmp_path: Path) -> None:
    table = pd.DataFrame({"participant_id": ["sub-01"], "age": [None]})
    columns = {"age": {"Description": "Age", "Units": "year"}, "gone": {"Description": "not in the table"}}
    write_table(table, columns, tmp_path / "participants.tsv")
    assert (tmp_path / "participants.tsv").read_text() == "participant_id\tage\nsub-01\tn/a\n"
    assert json.loads((tmp_path / "participants.json").read_text()) == {"age": columns["age"]}
