"""Datasets that lend: their healthy participants are learnt from, nobody of them is named or met twice."""

import hashlib

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json
from adhd_cvae.models.reference_file import load_reference
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.stages import prepare, train
from pipelines.workflows import background
from tests.shown import Shown

LOOSE = (
    *("image.shape=[16,16,16]", "image.voxel_size=12", "reference.least_participants=10"),
    *("image.min_template_correlation=null", "image.max_offset=null", "reference.membership_axes=[1,3,8]"),
    *("cohort.background_same=0.9", "cohort.background_members=0"),  # few maps have few axes
)
AFFINE = np.array([[20.0, 0, 0, -70], [0, 20, 0, -87], [0, 0, 20, -64], [0, 0, 0, 1]])
MODES = np.random.default_rng(0).standard_normal((3, 8, 8, 8))


def maps(count, seed):
    rng = np.random.default_rng(seed)
    values = 0.5 + 0.05 * np.tensordot(rng.standard_normal((count, 3)), MODES, 1)
    return values + 0.1 * rng.standard_normal((count, 8, 8, 8))


def dataset(folder, values, groups, *, prefix="lent", desc="modulated"):
    """A BIDS derivative of maps, with a column `dx` where groups are given."""
    rows = []
    for number, one in enumerate(values):
        name = f"sub-{prefix}{number:03d}"
        (folder / name / "anat").mkdir(parents=True)
        path = folder / name / "anat" / f"{name}_space-MNI152NLin2009aSym_label-GM_desc-{desc}_probseg.nii.gz"
        nib.save(nib.Nifti1Image(one.astype(np.float32), AFFINE), path)
        group = {} if groups is None else {"dx": groups[number]}
        rows.append({"participant_id": name, **group, "site": number % 2, "age": 8 + number / 8})
    pd.DataFrame(rows).to_csv(folder / "participants.tsv", sep="\t", index=False)
    (folder / "dataset_description.json").write_text(
        '{"Name": "Elsewhere", "BIDSVersion": "1.10.0", "DatasetType": "derivative", '
        '"GeneratedBy": [{"Name": "invented"}]}'
    )
    return folder


OWN, LENT = maps(24, 1), maps(30, 2)
OTHERWISE = 1.05 * OWN[[7, 8]] + 0.005 * np.random.default_rng(3).standard_normal((2, 8, 8, 8))
"""A control and a patient of the cohort, made otherwise."""


@pytest.fixture(scope="module")
def cohort(tmp_path_factory):
    return dataset(tmp_path_factory.mktemp("clinic") / "bids", OWN, [0, 1] * 12, prefix="own")


@pytest.fixture(scope="module")
def lender(tmp_path_factory):
    """Thirty people, four patients among them; after them three of the cohort as they are, and two made otherwise."""
    everybody = np.vstack([LENT, OWN[[0, 1, 2]], OTHERWISE])
    return dataset(tmp_path_factory.mktemp("elsewhere") / "pool", everybody, [*[1] * 4, *[0] * 31])


@pytest.fixture
def prepared(cohort, tmp_path):
    """Prepare the cohort with these lenders."""

    def run(*lenders, changes=(), folder="out", overwrite=False):
        named = f"cohort.background_from=[{','.join(map(str, lenders))}]"
        recipe = load_recipe("smoke", (*LOOSE, named, *changes))
        paths, heard = OutputPaths(tmp_path / folder), Shown()
        with owned(paths.folder, dataset=cohort, overwrite=overwrite):
            prepare.run(Run(paths, recipe, heard, overwrite=overwrite), BidsInput(cohort))
        return paths, heard.lines

    return run


def content(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_dataset_lends_what_the_verb_would_learn_of_whom_the_cohort_does_not_have(
    prepared, lender, tmp_path
):
    before = content(lender)
    paths, lines = prepared(lender)
    told = next(line for line in lines if line.startswith("Elsewhere: "))
    assert told.startswith("Elsewhere: 26 of 31 healthy participants")
    assert "left out are 3 whose map the cohort" in told
    assert "and 2 whose map is so like" in told
    assert content(lender) == before

    names = tuple(f"lent{number:03d}" for number in range(4, 30))
    recipe = load_recipe("smoke", LOOSE)
    with owned(tmp_path / "verb", dataset=lender):
        background.run(Run(OutputPaths(tmp_path / "verb"), recipe, Silent()), BidsInput(lender, names))
    expected, facts = load_reference(tmp_path / "verb")
    reference, noted = load_reference(paths.borrowed)
    assert reference.checksum == expected.checksum
    assert reference.count == 26
    assert noted["borrowed"] == [
        {"name": "Elsewhere", "checksum": expected.checksum, "participants": 26, "lent": 26}
    ]
    assert facts["sites"] == 2
    within = np.load(paths.lent).astype(np.float64)
    verb = np.load(tmp_path / "verb" / "cache" / "images.npy").astype(np.float64)
    for site in (slice(0, None, 2), slice(1, None, 2)):
        assert within[site] == pytest.approx(verb[site] - verb[site].mean(axis=0), abs=1e-3)


def test_nobody_who_lends_is_named_anywhere(prepared, lender):
    paths, lines = prepared(lender)
    written = [path for path in paths.folder.rglob("*") if path.is_file()]
    assert (paths.borrowed / "1" / "images.npy") in written
    assert not [path for path in written if b"lent0" in path.read_bytes() or "lent0" in path.name]
    assert "lent0" not in "".join(lines)
    assert [row["file"] for row in read_json(paths.borrowed / "1" / "manifest.json")["maps"]][:2] == [
        "1",
        "2",
    ]


def test_a_lender_that_changed_is_learnt_from_again_and_one_that_went_leaves_nothing(
    prepared, lender, tmp_path
):
    copied = dataset(tmp_path / "pool", LENT, None)
    paths, _ = prepared(copied)
    assert load_reference(paths.borrowed)[0].count == 30  # no column of groups: everybody
    assert "prepare: already done" in prepared(copied)[1]
    table = pd.read_csv(copied / "participants.tsv", sep="\t").assign(dx=[*[1] * 5, *[0] * 25])
    table.to_csv(copied / "participants.tsv", sep="\t", index=False)
    _, lines = prepared(copied)
    assert "prepare: background 1 changed since, doing it again" in lines
    assert load_reference(paths.borrowed)[0].count == 25
    prepared(overwrite=True)
    assert not (paths.borrowed / "1").exists()
    assert not paths.lent.exists()


def test_who_is_in_two_datasets_is_learnt_once(prepared, tmp_path):
    one = dataset(tmp_path / "one", LENT[:15], None)
    two = dataset(tmp_path / "two", np.vstack([LENT[10:], OTHERWISE]), None)
    paths, lines = prepared(one, two)
    assert load_reference(paths.borrowed)[0].count == 30
    assert [line.split(" healthy")[0] for line in lines if line.startswith("Elsewhere: ")] == [
        "Elsewhere: 15 of 15",
        "Elsewhere: 15 of 22",
    ]


def test_what_a_dataset_lends_is_seen_by_the_nonlinear_step_where_it_is_asked_for(prepared, lender):
    short = ("training.linear_epochs=1", "training.epochs=1", "training.vae=false", "model.correction=true")
    weights = []
    for share in (1, 0):
        changes = (*short, f"training.lent_controls={share}")
        paths, _ = prepared(lender, changes=changes, folder=f"share-{share}")
        named = f"cohort.background_from=[{lender}]"
        with owned(paths.folder):
            train.run(Run(paths, load_recipe("smoke", (*LOOSE, named, *changes)), Silent()))
        inputs = read_json(paths.provenance)["stages"]["train"]["inputs"]
        assert ("lent maps" in inputs) is bool(share)
        weights.append(paths.cvae.with_suffix(".safetensors").read_bytes())
    assert weights[0] != weights[1]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (("cohort.background=[0,7]", "reference.least_participants=32"), r"31 healthy .* takes at least 32"),
        (("reference.least_participants=28",), r"26 healthy participants .* takes at least 28"),
    ],
    ids=["before", "after those met"],
)
def test_too_few_are_refused_with_their_number(prepared, lender, changes, expected):
    with pytest.raises(InputError, match=expected) as caught:
        prepared(lender, changes=changes)
    assert "lent0" not in "".join(caught.value.problems)


def test_maps_made_otherwise_are_refused_before_any_is_read(prepared, tmp_path):
    raw = dataset(tmp_path / "raw", LENT, None, desc="unmodulated")
    with pytest.raises(InputError, match=r"Elsewhere was learnt from maps of modulation unmodulated"):
        prepared(raw)
    assert not (tmp_path / "out" / "cache" / "images.npy").exists()


def test_what_is_neither_reference_nor_dataset_is_refused_with_both_ways(prepared, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"no reference\.json.*or a BIDS directory"):
        prepared(tmp_path / "empty")
