"""Healthy anatomy learnt from a dataset for others, and what was learnt apart put together."""

import shutil

import mlflow
import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json, read_tsv, write_json
from adhd_cvae.models.reference_background import merge_references
from pipelines.mlflow_tracking.reference_model import open_reference
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.workflows import background
from tests.shown import Shown

GRID = ("image.shape=[16,16,16]", "image.voxel_size=12", "reference.membership_axes=[1,3,8,20]")
FEW = "reference.least_participants=10"
CHAMPION = "models:/adhd-cvae-background@champion"


@pytest.fixture(scope="module")
def bids_dir(tmp_path_factory):
    """Two sites, twenty-four healthy participants and four patients, maps of a grid of their own."""
    folder = tmp_path_factory.mktemp("healthy") / "bids"
    rng = np.random.default_rng(100)
    modes = rng.standard_normal((3, 8, 8, 8))
    rows = []
    affine = np.diag([20.0, 20, 20, 1])
    affine[:3, 3] = -70, -87, -64
    for number in range(28):
        name = f"sub-{number:03d}"
        (folder / name / "anat").mkdir(parents=True)
        values = (
            0.5
            + 0.05 * np.tensordot(rng.standard_normal(3), modes, 1)
            + 0.02 * rng.standard_normal((8, 8, 8))
        )
        path = (
            folder / name / "anat" / f"{name}_space-MNI152NLin2009aSym_label-GM_desc-modulated_probseg.nii.gz"
        )
        nib.save(nib.Nifti1Image(values.astype(np.float32), affine), path)
        rows.append(
            {"participant_id": name, "dx": int(number >= 24), "site": number % 2, "age": 8 + number / 4}
        )
    pd.DataFrame(rows).to_csv(folder / "participants.tsv", sep="\t", index=False)
    (folder / "dataset_description.json").write_text(
        '{"Name": "Elsewhere", "BIDSVersion": "1.10.0", "DatasetType": "derivative", '
        '"GeneratedBy": [{"Name": "invented"}]}'
    )
    return folder


@pytest.fixture
def learn(bids_dir, monkeypatch):
    """Learn from it into a folder."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    loose = ("image.min_template_correlation=null", "image.max_offset=null", "image.check.same_brain=0")

    def run(folder, *changes, labels=(), heard=None, **options):
        recipe = load_recipe("smoke", (*GRID, FEW, *loose, *changes))
        with owned(folder, dataset=bids_dir):
            one = Run(OutputPaths(folder), recipe, heard or Silent())
            return background.run(one, BidsInput(bids_dir, tuple(labels)), **options)

    return run


def join(folder, parts, *changes):
    with owned(folder):
        run = Run(OutputPaths(folder), load_recipe("smoke", changes), heard := Shown())
        background.merge(run, parts)
    return heard.lines


def test_the_healthy_are_learnt_registered_and_used_without_their_data(learn, tmp_path):
    shown = learn(tmp_path / "lent")
    reference, facts = open_reference(str(tmp_path / "lent"), tmp_path)
    assert (reference.count, reference.freedom, reference.size) == (24, 22, 16**3)
    assert facts["name"] == "Elsewhere"
    assert facts["age"] == [8, 13.75]
    assert facts["terms"] == background.TERMS[False]
    assert facts["image"]["shape"] == [16, 16, 16]
    assert (facts["modulation"], facts["smoothing"], facts["sites"]) == ("modulated", "", 2)
    excluded = read_tsv(tmp_path / "lent" / "exclusions.tsv")
    assert list(excluded["reason"]).count("not_background") == 4
    assert f"{CHAMPION.split('/')[1]} is version 1" in shown
    assert (tmp_path / "lent" / "figures" / "membership.svg").is_file()
    shutil.rmtree(tmp_path / "lent")
    registered, again = open_reference(CHAMPION, tmp_path / "other")
    assert registered.checksum == reference.checksum
    assert again == facts


def test_the_registered_model_says_how_much_of_a_map_it_explains(learn, tmp_path):
    learn(tmp_path / "lent")
    images = np.load(tmp_path / "lent" / "cache" / "images.npy")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    loaded = mlflow.pyfunc.load_model(CHAMPION)
    found = loaded.predict(pd.DataFrame({"array": [images[0].tolist()]}))
    assert 0.5 < found["explained"].iloc[0] <= 1
    assert loaded.metadata.signature.outputs.input_names() == ["explained"]


def test_no_participant_and_no_site_is_named(learn, tmp_path):
    learn(tmp_path / "lent")
    content = b"".join(
        (tmp_path / "lent" / f"reference.{end}").read_bytes() for end in ("json", "safetensors")
    )
    assert b"sub-" not in content
    assert b"site_names" not in content
    learn(tmp_path / "named", site_names=True)
    assert read_json(tmp_path / "named" / "reference.json")["site_names"] == ["0", "1"]


def test_what_is_there_stands_and_an_interrupted_call_gives_the_same_bits(learn, tmp_path):
    learn(tmp_path / "lent")
    before = {name: (tmp_path / "lent" / name).read_bytes() for name in background._FILES}
    heard = Shown()
    learn(tmp_path / "lent", heard=heard)
    assert any("already done" in line for line in heard.lines)
    (tmp_path / "lent" / "reference.safetensors").unlink()
    learn(tmp_path / "lent")
    assert before == {name: (tmp_path / "lent" / name).read_bytes() for name in background._FILES}


def test_too_few_are_refused_with_their_number(learn, tmp_path):
    with pytest.raises(InputError, match=r"24 healthy participants .* takes at least 200 \(reference\.least"):
        learn(tmp_path / "lent", "reference.least_participants=200")


def test_nobody_healthy_names_the_codes(learn, tmp_path):
    with pytest.raises(InputError, match=r"column dx holds 0, 1, expected cohort\.background 7"):
        learn(tmp_path / "lent", "cohort.background=[7]")


def test_without_a_group_column_everybody_is_healthy(learn, tmp_path):
    learn(tmp_path / "lent", "cohort.group=none")
    assert open_reference(str(tmp_path / "lent"), tmp_path)[0].count == 28


def test_a_folder_of_other_results_is_left_alone(learn, tmp_path):
    learn(tmp_path / "lent")
    known = read_json(tmp_path / "lent" / "run.json")
    known["stages"]["train"] = known["stages"].pop("background")
    write_json(known, tmp_path / "lent" / "run.json")
    with pytest.raises(InputError, match=r"holds results of train\. Choose another OUTPUT_DIR"):
        learn(tmp_path / "lent")


def test_a_store_that_will_never_do_is_refused_before_anybody_is_looked_for(learn, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mysql://lab@127.0.0.1:1/m")
    with pytest.raises(InputError, match="refuses: No module named 'MySQLdb'"):
        learn(tmp_path / "lent")


def test_shareable_keeps_the_axes_that_hardly_tell_members(learn, tmp_path):
    heard = Shown()
    learn(tmp_path / "lent", "reference.shareable_auc=0.65", heard=heard, shareable=True)
    curve = read_tsv(tmp_path / "lent" / "membership.tsv").set_index("axes")
    reference, facts = open_reference(str(tmp_path / "lent"), tmp_path)
    kept = len(reference.axes)
    assert facts["terms"] == "shareable"
    assert curve.loc[kept, "auc"] <= 0.65 < curve["auc"].max()
    assert list(curve["kept"][curve["kept"] == 1].index) == [kept]
    assert any(line.startswith(f"--shareable keeps {kept} of 22 axes") for line in heard.lines)


def test_with_so_few_nothing_may_be_shared(learn, tmp_path):
    with pytest.raises(InputError, match=r"1 axis already tells members with AUC .* Learn from more"):
        learn(tmp_path / "lent", "reference.shareable_auc=0.501", shareable=True)


def test_parts_are_merged_and_what_is_lost_is_shown(learn, tmp_path):
    halves = [[f"sub-{number:03d}" for number in range(start, 24, 2)] for start in (0, 1)]
    parts = [tmp_path / "a", tmp_path / "b"]
    for place, labels in zip(parts, halves, strict=True):
        learn(place, "reference.most_axes=8", labels=labels)
    lines = join(tmp_path / "all", parts, "reference.most_axes=8")
    merged, facts = open_reference(str(tmp_path / "all"), tmp_path)
    expected = merge_references([open_reference(str(part), tmp_path)[0] for part in parts], most_axes=8)
    assert merged.count == 24
    assert merged.mean == pytest.approx(expected.mean)
    assert merged.variances == pytest.approx(expected.variances)
    assert facts["lost_by_parts"] > 0 < facts["lost_by_merging"]
    assert facts["lost_by_parts"] + facts["lost_by_merging"] == pytest.approx(1 - merged.explained)
    assert facts["name"] == "Elsewhere and Elsewhere"
    assert lines[0].startswith("merged: 24 participants of 2 references")


def test_parts_made_otherwise_are_not_merged(learn, tmp_path):
    learn(tmp_path / "a")
    learn(tmp_path / "b", "image.fwhm=4")
    with pytest.raises(
        InputError, match=r"b was learnt from maps of image .*'fwhm': 4\.0.* Learn both with one"
    ):
        join(tmp_path / "all", [tmp_path / "a", tmp_path / "b"])
