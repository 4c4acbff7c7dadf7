"""OUTPUT_DIR as a BIDS derivative, and whether the dataset it came from is still the same."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from pipelines.output_dir.bids_source import (
    describe_output,
    find_cohort,
    place_of,
    selection_of,
    tree_fingerprint,
)
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.progress import Silent
from tests.shown import Shown

VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")


def validator_errors(dataset: Path) -> list[dict[str, Any]]:
    """What the official BIDS validator calls an error."""
    done = subprocess.run(
        [VALIDATOR, "--format", "json", dataset], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [issue for issue in issues if issue["severity"] == "error"]


def test_output_dir_passes_the_official_validator(tmp_path: Path) -> None:
    describe_output(BidsInput(tmp_path.parent), OutputPaths(tmp_path))
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


def test_a_dataset_that_is_not_there_has_no_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        place_of(BidsInput(tmp_path / "absent"), OutputPaths(tmp_path))


def test_the_dataset_is_named_by_the_way_there_and_its_licence_is_kept(tmp_path: Path) -> None:
    source = tmp_path / "raw data"
    source.mkdir()
    known = {"Name": "x", "License": "CC0", "DatasetDOI": "doi:10.1/x", "Authors": ["A"]}
    (source / "dataset_description.json").write_text(json.dumps(known))
    describe_output(BidsInput(source), OutputPaths(tmp_path / "out"))
    content = json.loads((tmp_path / "out" / "dataset_description.json").read_text())
    assert content["SourceDatasets"] == [{"URL": "../raw%20data", "DOI": "doi:10.1/x"}]
    assert (content["License"], content["Authors"]) == ("CC0", ["A"])


def test_a_cohort_is_the_part_that_was_asked_for_and_the_bar_hears_of_every_image(tmp_path: Path) -> None:
    table = tmp_path / "bids" / "participants.tsv"
    table.parent.mkdir()
    table.write_text("participant_id\tdx\n" + "".join(f"sub-{one}\t{one % 2}\n" for one in range(1, 5)))
    for one in range(1, 5):
        for session in "12":
            name = f"sub-{one}_ses-{session}_space-MNI152Lin_label-GM_probseg.nii.gz"
            (folder := tmp_path / "bids" / f"sub-{one}" / f"ses-{session}" / "anat").mkdir(parents=True)
            (folder / name).touch()
    chosen = tmp_path / "filter.json"
    chosen.write_text('{"gm": {"session": "2"}}')
    source, shown = BidsInput(tmp_path / "bids", ("1", "sub-2"), chosen), Shown()
    cohort = find_cohort(source, CohortConfig(), shown, index_cache=tmp_path / "cache")
    assert list(cohort.table["participant_id"]) == ["sub-1", "sub-2"]
    assert cohort.table["image"].str.contains("ses-2").all()
    assert shown.ticks == [("Looking for maps and phenotype", done, 8) for done in range(1, 9)]
    assert selection_of(source) == {
        "--participant-label": ["1", "2"],
        "--bids-filter-file": {"gm": {"session": "2"}},
        "--prefer": None,
    }
    chosen.write_text('{"gm": {"sesion": "2"}}')
    with pytest.raises(InputError, match=r"filter\.json: .*Did you mean 'session'"):
        find_cohort(source, CohortConfig(), Silent())


def test_a_file_that_came_or_changed_is_noticed_but_not_results_and_stores(tmp_path: Path) -> None:
    out = tmp_path / "derivatives" / "out"
    out.mkdir(parents=True)
    (tmp_path / "participants.tsv").write_text("participant_id\n")
    before = tree_fingerprint(tmp_path, out)
    for name in ("mlflow.db", ".hidden", "derivatives/out/cohort.tsv"):
        (tmp_path / name).write_text("x")
    assert tree_fingerprint(tmp_path, out) == before
    (tmp_path / "phenotype.tsv").write_text("x")
    assert tree_fingerprint(tmp_path, out) != before
