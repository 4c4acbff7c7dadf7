"""Forty participants, twenty of them with a map that is broken in its own way."""

import gzip
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.nifti1 import Nifti1Image
from nilearn.datasets import load_mni152_wm_template

from adhd_cvae.images.cache import open_images
from adhd_cvae.io import read_json, read_tsv
from adhd_cvae.models.reference_background import fit_reference
from adhd_cvae.models.reference_file import load_reference, save_reference
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.cli.main import main
from pipelines.output_dir.bids_source import tree_fingerprint
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.results import Results
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.stages import prepare, simulate


def rewrite(path, values=None, affine=None):
    """Save other values or another place of a map."""
    image = Nifti1Image.from_filename(path)
    values = image.get_fdata(dtype=np.float32) if values is None else values
    nib.save(Nifti1Image(values, image.affine if affine is None else affine), path)


def voxels_of(path):
    return Nifti1Image.from_filename(path).get_fdata(dtype=np.float32)


def place_of(path):
    return np.asarray(Nifti1Image.from_filename(path).affine)


def patched(path, position, content):
    """Change bytes of the header."""
    whole = bytearray(gzip.decompress(path.read_bytes()))
    whole[position : position + len(content)] = content
    path.write_bytes(gzip.compress(bytes(whole)))


def short(*numbers):
    return b"".join(number.to_bytes(2, "little") for number in numbers)


def corrupted(path):
    content = bytearray(path.read_bytes())
    content[2000:2600] = b"\xff" * 600
    path.write_bytes(content)


def white_matter(path):
    image = load_mni152_wm_template(resolution=6)
    rewrite(path, image.get_fdata(dtype=np.float32), image.affine)


def native(path):
    turn = np.diag([0.86, 0.84, 0.86, 1.0])
    turn[:3, 3] = 5, 20, -25
    rewrite(path, affine=turn @ place_of(path))


def header_only(path):
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:352]))


def far_off(path):
    affine = place_of(path).copy()
    affine[:3, 3] += 5000
    rewrite(path, affine=affine)


def one_infinite(path):
    values = voxels_of(path)
    values[8, 8, 8] = np.inf
    rewrite(path, values)


BREAK = {
    "nothing": ("unreadable", lambda path: path.write_bytes(b"")),
    "nothing, compressed": ("unreadable", lambda path: path.write_bytes(gzip.compress(b""))),
    "text": ("unreadable", lambda path: path.write_text("not a map")),
    "not compressed": ("unreadable", lambda path: path.write_bytes(gzip.decompress(path.read_bytes()))),
    "cut short": ("unreadable", lambda path: path.write_bytes(path.read_bytes()[:3000])),
    "bytes changed": ("unreadable", corrupted),
    "unknown data type": ("unreadable", lambda path: patched(path, 70, short(9999))),
    "header only": ("unreadable", header_only),
    "no voxels": ("empty", lambda path: patched(path, 42, short(0))),
    "asks for terabytes": ("too_large", lambda path: patched(path, 42, short(9000, 9000, 9000))),
    "two volumes": ("not_3d", lambda path: rewrite(path, np.stack([voxels_of(path)] * 2, axis=-1))),
    "complex": ("not_real", lambda path: rewrite(path, voxels_of(path).astype(np.complex64))),
    "infinite": ("not_finite", one_infinite),
    "zero": ("empty", lambda path: rewrite(path, 0 * voxels_of(path))),
    "only NaN": ("empty", lambda path: rewrite(path, np.nan * voxels_of(path))),
    "constant": ("constant", lambda path: rewrite(path, 0 * voxels_of(path) + 0.5)),
    "upside down": ("not_in_template_space", lambda path: rewrite(path, voxels_of(path)[:, :, ::-1])),
    "back to front": ("not_in_template_space", lambda path: rewrite(path, voxels_of(path)[:, ::-1])),
    "native space": ("not_in_template_space", native),
    "white matter": ("not_in_template_space", white_matter),
    "metres away": ("outside_grid", far_off),
    "negative": ("negative_values", lambda path: rewrite(path, -voxels_of(path))),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "bids"
    simulate.run(folder, SimulationConfig(participants=20 + len(BREAK), resolution=6, null=True), Silent())
    return folder


def maps_of(bids: Path) -> dict[str, Path]:
    return {path.name.split("_")[0]: path for path in sorted(bids.rglob("*_probseg.nii.gz"))}


@pytest.fixture(scope="module")
def messy(whole, tmp_path_factory) -> tuple[Path, dict[str, tuple[str, str]]]:
    """The dataset, and for each participant with a broken map what was done to it and the reason expected."""
    bids = shutil.copytree(whole, tmp_path_factory.mktemp("messy") / "bids")
    expected = {}
    first = list(maps_of(bids).items())[: len(BREAK)]
    for (name, path), (kind, (reason, change)) in zip(first, BREAK.items(), strict=True):
        change(path)
        expected[name] = (kind, reason)
    return bids, expected


def test_broken_maps_are_named_and_the_others_pass(messy, tmp_path, capsys):
    bids, expected = messy
    with pytest.raises(SystemExit) as left:
        main(["prepare", str(bids), str(tmp_path), "--recipe", "smoke"])
    told = capsys.readouterr().err
    assert left.value.code == 0, told
    assert f"Warning: {len(expected)} left out" in told
    exclusions = read_tsv(tmp_path / "exclusions.tsv").set_index("participant_id")
    assert {name: reason for name, (_, reason) in expected.items()} == exclusions["reason"].to_dict()
    assert (exclusions["stage"] == "image").all()
    for name, detail in exclusions["detail"].items():
        assert str(name) in detail
        assert str(bids) not in detail
        assert "\n" not in detail
    cohort = read_tsv(tmp_path / "cohort.tsv")
    assert len(cohort) == 20
    assert not set(cohort["participant_id"]) & set(expected)
    assert len(open_images(tmp_path / "cache")) == 20


def test_what_could_be_read_is_drawn_without_names(messy, tmp_path):
    bids, expected = messy
    paths = OutputPaths(tmp_path)
    prepare.run(Run(paths, load_recipe("smoke"), Silent()), BidsInput(bids))
    pictures = Results(tmp_path).pictures
    drawn = [
        reason for _, reason in expected.values() if reason in ("not_in_template_space", "negative_values")
    ]
    assert sorted(pictures["excluded_reason"]) == sorted(drawn)
    assert pictures["excluded"].shape == (len(drawn), 3, 64, 64)
    assert (pictures["excluded"].astype(float).std(axis=(1, 2, 3)) > 0).all()
    distances = pictures["outlier_distance"]
    assert len(distances) == 12
    assert (np.diff(distances) <= 0).all()
    assert b"sub-" not in paths.pictures.read_bytes()


def test_nothing_but_broken_maps_is_status_1_and_one_line_each(whole, tmp_path, capsys):
    bids = shutil.copytree(whole, tmp_path / "bids")
    kinds = list(BREAK.values())[:20]
    for number, path in enumerate(maps_of(bids).values()):
        if number < 20:
            kinds[number][1](path)
        else:
            path.unlink()
    with pytest.raises(SystemExit) as left:
        main(["prepare", str(bids), str(tmp_path / "out"), "--recipe", "smoke"])
    told = capsys.readouterr().err
    assert left.value.code == 1
    assert "Traceback" not in told
    problems = [line for line in told.splitlines() if line.startswith("adhd-cvae: ")]
    assert "sizeof_hdr" not in told
    assert "not recognized; not attempting" not in told
    assert 20 <= len(problems) <= len(maps_of(whole)) + 1
    assert "nothing is left" in problems[-1]
    assert len(read_tsv(tmp_path / "out" / "exclusions.tsv")) == len(maps_of(whole))


def test_a_dry_run_says_what_headers_tell_and_writes_nothing(messy, tmp_path, capsys):
    bids, expected = messy
    before = tree_fingerprint(bids, tmp_path)
    with pytest.raises(SystemExit) as left:
        main(["prepare", str(bids), str(tmp_path / "out"), "--recipe", "smoke", "--dry-run"])
    said = capsys.readouterr().err
    assert left.value.code == 0, said
    of_header = {"not_3d", "unreadable", "missing", "not_real", "too_large"}
    found = {reason for _, reason in expected.values()} & of_header
    assert len(found) >= 3
    assert "Nothing was written" in said
    assert "folds: 5, each of " in said
    assert [line for line in said.splitlines() if line.startswith("left out")]
    assert f"people     {20 + len(expected)}:" not in said
    assert list(tmp_path.iterdir()) == []
    assert tree_fingerprint(bids, tmp_path) == before


def test_a_dry_run_that_leaves_nobody_ends_with_the_reasons(whole, tmp_path, capsys):
    bids = shutil.copytree(whole, tmp_path / "bids")
    for path in maps_of(bids).values():
        path.write_bytes(b"")
    with pytest.raises(SystemExit) as left:
        main(["prepare", str(bids), str(tmp_path / "out"), "--recipe", "smoke", "--dry-run"])
    *_, reasons, last = capsys.readouterr().err.splitlines()
    assert left.value.code == 1
    assert reasons.startswith("left out")
    assert reasons.endswith("unreadable")
    assert last == "adhd-cvae: nobody is left, for the reasons above."


def test_a_second_call_does_nothing(messy, tmp_path):
    bids, _ = messy
    paths = OutputPaths(tmp_path)
    prepare.run(Run(paths, load_recipe("smoke"), Silent()), BidsInput(bids))
    before = {path: path.stat().st_mtime_ns for path in paths.cache.iterdir()}
    prepare.run(Run(paths, load_recipe("smoke"), Silent()), BidsInput(bids))
    assert {path: path.stat().st_mtime_ns for path in paths.cache.iterdir()} == before


def test_head_size_that_is_a_sum_of_maps_is_measured_and_compared(whole, tmp_path):
    recipe = load_recipe("smoke")
    asked = recipe.cohort.model_copy(update={"tiv_source": "total_gray_matter"})
    run = Run(OutputPaths(tmp_path), recipe.model_copy(update={"cohort": asked}), Silent())
    prepare.run(run, BidsInput(whole))
    cohort = Results(tmp_path).cohort
    assert cohort is not None
    image = whole / cohort["image"][0]
    expected = voxels_of(image).sum(dtype=float) * 6**3 / 1000
    assert cohort["tiv"][0] == pytest.approx(expected, rel=1e-6)
    assert "takes away an effect of patients" in Results(tmp_path).sidecar["tiv"]["Description"]
    confounding = read_tsv(tmp_path / "confounding.tsv")
    assert {"mean", "sd", "difference"} <= set(confounding.loc[confounding["variable"] == "tiv", "statistic"])


def test_what_is_borrowed_is_kept_and_another_one_is_taken_anew(whole, tmp_path, capsys):
    def prepared(name, *more):
        small = ("image.shape=[32,32,32]", "image.voxel_size=6", *more)
        options = [part for one in small for part in ("--set", one)]
        with pytest.raises(SystemExit) as left:
            main(["prepare", str(whole), str(tmp_path / name), "--recipe", "smoke", *options])
        return left.value.code, capsys.readouterr().err

    assert prepared("own")[0] == 0
    own = OutputPaths(tmp_path / "own")
    assert not own.borrowed.exists()
    assert "borrowed" not in read_json(own.provenance)
    values = open_images(own.cache)
    values = values.reshape(len(values), -1)
    pool, asked = tmp_path / "pool", f"cohort.background_from=[{tmp_path / 'pool'}]"
    lent = fit_reference(values)
    save_reference(lent, pool, {"modulation": "modulated"})
    code, told = prepared("borrows", asked)
    assert code == 0
    assert "borrowed background: pool," in told
    paths = OutputPaths(tmp_path / "borrows")
    assert load_reference(paths.borrowed)[0].checksum == lent.checksum
    (noted,) = read_json(paths.provenance)["borrowed"]
    assert noted == {"name": "pool", "checksum": lent.checksum, "participants": len(values)}
    assert "already done" in prepared("borrows", asked)[1]
    moved = pool.rename(tmp_path / "moved")
    assert "already done" in prepared("borrows", asked.replace(str(pool), str(moved)))[1]
    moved.rename(pool)
    other = fit_reference(values[:30])
    save_reference(other, pool, {"modulation": "modulated"})
    assert "background 1 changed since, doing it again" in prepared("borrows", asked)[1]
    assert load_reference(paths.borrowed)[0].checksum == other.checksum
    save_reference(other, pool, {"modulation": "unmodulated"})
    code, told = prepared("refused", asked)
    assert code == 1
    assert "pool was learnt from maps of modulation unmodulated" in told
    assert not (tmp_path / "refused" / "cache" / "images.npy").exists()
