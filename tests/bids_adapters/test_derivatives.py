import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from bids_adapters.derivatives import is_ours, write_derivative_description, write_description, write_table

VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")


def validator_errors(dataset: Path) -> list[dict[str, Any]]:
    """What the official BIDS validator calls an error."""
    done = subprocess.run(
        [VALIDATOR, "--format", "json", dataset], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [issue for issue in issues if issue["severity"] == "error"]


def test_output_dir_passes_the_official_validator(tmp_path: Path) -> None:
    write_derivative_description(tmp_path, [{"URL": "https://example.org/dataset"}])
    files = (
        "cohort.tsv", "cohort.json", "exclusions.tsv", "conflicts.tsv", "run.json",
        "confounding.tsv", "confounding.json",
        "latents.tsv", "latents.json",
        "draws.npz", "decoded.npz", "baselines.tsv", "report.html", "cache/images.npy", "cache/manifest.json",
        "checkpoints/cvae.safetensors", "checkpoints/history.tsv", "analysis/rsa.tsv",
        "maps/desc-x_map.nii.gz",
        "figures/umap.svg",
    )  # fmt: skip
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("content")
    assert validator_errors(tmp_path) == []
    (tmp_path / "stray.tsv").write_text("content")
    assert validator_errors(tmp_path)  # it does look


def test_description_says_what_made_the_dataset(tmp_path: Path) -> None:
    write_description(tmp_path, "A dataset", "a step", License="CC0")
    content = json.loads((tmp_path / "dataset_description.json").read_text())
    assert content["DatasetType"] == "derivative"
    assert content["GeneratedBy"][0]["Name"] == "adhd-cvae"
    assert content["License"] == "CC0"
    assert "SourceDatasets" not in content
    assert is_ours(tmp_path, "a step")
    assert not is_ours(tmp_path, "another step")
    (tmp_path / "dataset_description.json").write_text("[]")
    assert not is_ours(tmp_path, "a step")
    assert not is_ours(tmp_path / "absent", "a step")


def test_a_table_has_its_description_beside_it(tmp_path: Path) -> None:
    table = pd.DataFrame({"participant_id": ["sub-01"], "age": [None]})
    columns = {"age": {"Description": "Age", "Units": "year"}, "gone": {"Description": "not in the table"}}
    write_table(table, columns, tmp_path / "participants.tsv")
    assert (tmp_path / "participants.tsv").read_text() == "participant_id\tage\nsub-01\tn/a\n"
    assert json.loads((tmp_path / "participants.json").read_text()) == {"age": columns["age"]}
