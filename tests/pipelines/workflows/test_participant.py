"""The participant level: each one's own files, and several calls at once."""

import os
import shutil
import subprocess
import sys

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.inference.decoding import decode
from adhd_cvae.io import read_json, read_tsv
from adhd_cvae.models.weights import load_model
from adhd_cvae.names import units_in
from pipelines.mlflow_tracking.store import find_store
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.workflows import group, participant

CHAMPION = "models:/adhd-cvae@champion"
TABLES = ("cohort.tsv", "latents.json", "exclusions.tsv")


@pytest.fixture
def names(demo):
    return read_tsv(demo.paths.cohort)["participant_id"].tolist()


def describe(paths, source, **options) -> None:
    participant.run(Run(paths, Recipe(name="participant"), Silent(), **options), source, CHAMPION)


@pytest.fixture
def call(demo, monkeypatch):
    """Embed some participants into a folder."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", find_store(demo.paths.folder).uri)

    def run(folder, labels, bids_dir=demo.bids_dir, **options):
        paths = OutputPaths(folder)
        source = BidsInput(bids_dir, labels=tuple(labels))
        describe(paths, source, **options)
        return paths

    return run


def test_each_participant_has_codes_twin_and_salient_map_that_name_the_model(call, names, demo, tmp_path):
    paths = call(tmp_path / "out", names[:2])
    name = names[1]
    stem = paths.folder / name / "anat" / f"{name}_space-MNI152NLin2009aSym"
    twin = nib.load(f"{stem}_label-GM_desc-twin_probseg.nii.gz")
    salient = nib.load(f"{stem}_desc-salient_map.nii.gz")
    decoded = np.load(demo.paths.decoded)
    np.testing.assert_allclose(twin.affine, decoded["affine"])
    model, _ = load_model(demo.paths.cvae)
    latents = read_tsv(demo.paths.latents).set_index("participant_id").loc[[name]]
    codes = (np.array(latents[units_in(latents, space)], np.float32) for space in ("background", "salient"))
    background, code = codes
    expected = (decode(model, background, code) - decode(model, background))[0]
    np.testing.assert_allclose(salient.get_fdata()[decoded["mask"] > 0], expected, atol=1e-5)
    assert np.abs(twin.get_fdata()).max() > 0.1
    sidecar = read_json(paths.folder / name / "anat" / f"{name}_latents.json")
    assert sidecar["Model"]["URI"] == "models:/adhd-cvae/1"
    assert sidecar["Sources"][0].startswith(f"bids::{name}/anat/")
    row = read_tsv(paths.folder / name / "anat" / f"{name}_latents.tsv")
    assert set(row) <= set(sidecar)
    shown = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "bids-validator-deno"), str(paths.folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "[ERROR]" not in shown.stdout, shown.stdout


def test_calls_for_different_participants_add_up_whatever_their_order(call, names, tmp_path):
    together = call(tmp_path / "together", names[:3])
    apart = call(tmp_path / "apart", names[2:3])
    call(tmp_path / "apart", names[:2])
    call(tmp_path / "apart", names[1:2])
    for name in TABLES:
        assert (apart.folder / name).read_bytes() == (together.folder / name).read_bytes(), name
    for name in ("latents.tsv", "distances.tsv"):
        some, others = read_tsv(apart.folder / name), read_tsv(together.folder / name)
        pd.testing.assert_frame_equal(some, others, rtol=1e-5)
    with np.load(apart.draws) as some, np.load(together.draws) as others:
        assert some["participant_id"].tolist() == others["participant_id"].tolist() == names[:3]
        for space in ("salient", "background"):
            np.testing.assert_allclose(some[space], others[space], rtol=1e-4, atol=1e-6)


def test_processes_at_the_same_time_lose_nobody(call, names, demo, tmp_path):
    command = [sys.executable, "-m", "adhd_cvae", "run", str(demo.bids_dir), str(tmp_path / "out")]
    command += ["participant", "--model", CHAMPION, "--participant-label"]
    started = [subprocess.Popen([*command, name]) for name in names[:3]]
    assert [one.wait(300) for one in started] == [0, 0, 0]
    assert read_tsv(tmp_path / "out" / "latents.tsv")["participant_id"].tolist() == sorted(names[:3])
    assert not list((tmp_path / "out").glob(".maps-*"))


def test_another_dataset_or_a_group_is_refused_in_the_same_folder(call, names, demo, tmp_path):
    paths = call(tmp_path / "out", names[:1])
    (tmp_path / "filter.json").write_text('{"gm": {"suffix": "probseg"}}')
    source = BidsInput(demo.bids_dir, tuple(names[1:2]), tmp_path / "filter.json")
    with pytest.raises(InputError, match=r"was done with --bids-filter-file = .*--overwrite"):
        describe(paths, source)
    assert read_tsv(paths.latents)["participant_id"].tolist() == names[:1]
    with pytest.raises(InputError, match="participant level"):
        group.run(Run(paths, load_recipe("smoke"), Silent()), source)
    describe(paths, source, overwrite=True)
    assert read_tsv(paths.latents)["participant_id"].tolist() == names[1:2]
    assert not (paths.folder / names[0]).exists()


def test_a_map_that_went_bad_takes_its_codes_with_it(call, names, demo, tmp_path):
    bids = tmp_path / "bids"
    shutil.copytree(demo.bids_dir, bids)
    paths, source = OutputPaths(tmp_path / "out"), BidsInput(bids, tuple(names[:2]))
    describe(paths, source)
    image = next((bids / names[0]).rglob("*.nii.gz"))
    image.write_bytes(b"no map")
    describe(paths, source)
    assert read_tsv(paths.latents)["participant_id"].tolist() == names[1:2]
    excluded = read_tsv(paths.exclusions)
    assert excluded["participant_id"].tolist() == names[:1]
    assert excluded["reason"].tolist() == ["unreadable"]
    only = BidsInput(bids, tuple(names[:1]))
    with pytest.raises(InputError, match="nothing is left"):
        describe(paths, only)
    assert read_tsv(paths.latents)["participant_id"].tolist() == names[1:2]


def renamed(demo, names, folder, *files):
    """A dataset of the demo's maps under other names, `files` a participant; the first is the map, others are links."""
    for number, name in enumerate(names, start=1):
        source = next((demo.bids_dir / name).rglob("*.nii.gz"))
        for file in files:
            path = folder / file.format(f"{number:02d}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(source.resolve())
    return folder


SPACE = "space-MNI152NLin2009cAsym_label-GM_probseg.nii.gz"


@pytest.mark.parametrize(
    ("files", "stem"),
    [
        (
            ("sub-{0}/anat/sub-{0}_" + SPACE, "sub-{0}/anat/sub-{0}_label-GM_probseg.nii.gz"),
            "sub-{0}/anat/sub-{0}",
        ),
        (
            [f"sub-{{0}}/ses-{one}/anat/sub-{{0}}_ses-{one}_{SPACE}" for one in ("post", "pre")],
            "sub-{0}/ses-pre/anat/sub-{0}_ses-pre",
        ),
        (("derivatives/cat12/mri/mwp1sub-{0}_ses-2_T1w.nii.gz",), "sub-{0}/ses-2/anat/sub-{0}_ses-2"),
        (
            [f"sub-{{0}}/anat/sub-{{0}}{one}_{SPACE}" for one in ("", "_rec-norm", "_run-2")],
            "sub-{0}/anat/sub-{0}",
        ),
    ],
)
def test_everybody_comes_through_beside_siblings_sessions_and_other_kinds(
    call, demo, names, tmp_path, files, stem
):
    bids_dir = renamed(demo, names[:2], tmp_path / "bids", *files)
    for labels in (["01"], ["02"]):  # one new participant at a time: the first stays
        paths = call(tmp_path / "out", labels, bids_dir=bids_dir)
    assert read_tsv(paths.latents)["participant_id"].tolist() == ["sub-01", "sub-02"]
    for one in ("01", "02"):
        assert (paths.folder / f"{stem.format(one)}_latents.tsv").is_file()
    everybody = call(tmp_path / "together", [], bids_dir=bids_dir)
    for table in ("latents", "exclusions"):
        pd.testing.assert_frame_equal(
            *(
                read_tsv(getattr(one, table)).sort_values(["participant_id"], kind="stable")
                for one in (paths, everybody)
            )
        )
