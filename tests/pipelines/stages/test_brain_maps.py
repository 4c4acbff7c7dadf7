"""From decoded arrays to tables and maps: where the change is, what an atlas calls it, who was left out."""

from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from bids_adapters.atlas import atlas_files, read_atlas
from pipelines.output_dir.analysis_inputs import AnalysisInputs
from pipelines.output_dir.paths import OutputPaths
from pipelines.stages.brain_maps import BrainResults

SHAPE = (12, 14, 12)
AFFINE = np.array([[10.0, 0, 0, -55], [0, 10, 0, -85], [0, 0, 10, -45], [0, 0, 0, 1]])
PLACE = (slice(2, 5), slice(4, 7), slice(4, 7))
CENTRE_MM = [-25.0, -35.0, 5.0]
PATIENTS = [f"sub-{number}" for number in range(40)]


@pytest.fixture
def results(tmp_path: Path):
    """A change at one place in every patient, larger with severity; two sites."""
    rng = np.random.default_rng(0)
    mask = np.ones(SHAPE, np.uint8)
    severity = rng.normal(size=40)
    blob = np.zeros(SHAPE)
    blob[PLACE] = 0.7  # above half of the largest change
    blob[3, 5, 5] = 1
    effect = (
        blob.ravel() * (-1 - 0.3 * severity[:, None]) + 0.005 * rng.normal(size=(40, blob.size))
    ).astype(np.float32)
    np.savez(
        tmp_path / "decoded.npz",
        mask=mask,
        affine=AFFINE,
        effect=effect,
        effect_participant_id=np.array(PATIENTS),
    )
    cohort = pd.DataFrame({"participant_id": PATIENTS, "site": np.repeat([1, 6], 20), "severity": severity})
    evidence = AnalysisInputs(cohort[::-1].reset_index(drop=True), {}, {}, {}, {}, ())

    def make(**analysis: object) -> BrainResults:
        settings = {"permutations": 99, "batteries": {"severity": ["severity"]}, **analysis}
        return BrainResults(OutputPaths(tmp_path), evidence, Recipe.model_validate({"analysis": settings}))

    return make


def write_atlas(folder: Path, **names: str) -> Path:
    labels = np.zeros(SHAPE, np.int16)
    labels[PLACE] = 11
    path = folder / "tpl-MNI_res-02_atlas-Own_dseg.nii.gz"
    nib.Nifti1Image(labels, AFFINE).to_filename(path)
    for name, content in names.items():
        (folder / f"{name.replace('__', '-')}_dseg.tsv").write_text(content)
    return path


def test_peaks_lie_where_the_change_is(results) -> None:
    peaks = results().peaks()
    assert len(peaks) == 1
    assert peaks.loc[0, ["x_mm", "y_mm", "z_mm"]].tolist() == CENTRE_MM
    assert peaks.loc[0, "peak"] == pytest.approx(-1, abs=0.15)
    assert peaks.loc[0, "t"] < -10
    assert "label" not in peaks


def test_slope_is_the_change_for_one_standard_deviation(results, tmp_path: Path) -> None:
    brain = results()
    brain.peaks()
    slope = nib.load(next((tmp_path / "maps").glob("*BySeveritySlope*")))
    assert slope.get_fdata()[3, 5, 5] == pytest.approx(
        -0.3 * brain.evidence.cohort["severity"].std(), abs=0.02
    )
    table = brain.voxelwise()
    assert table["variable"].isna().tolist() == [True, False]
    assert table["significant"].between(27, 60).all()
    assert table.loc[1, "largest"] < -0.9


def test_each_patient_is_scored_without_the_own_site(results, tmp_path: Path) -> None:
    brain = results()
    table, scores = brain.components_table(), brain.scores_table()
    first = table[table["component"] == 1].set_index("left_out")
    assert first.loc[["1", "6"], "explained"].min() > 0.8
    assert scores["participant_id"].tolist() == PATIENTS
    severity = brain.evidence.cohort.set_index("participant_id").loc[PATIENTS, "severity"]
    assert abs(np.corrcoef(scores["component_1"], severity)[0, 1]) > 0.98
    assert list((tmp_path / "maps").glob("*salientEffectComponent01_map.nii.gz"))


def test_no_site_no_scores(results) -> None:
    brain = results()
    no_site = BrainResults(brain.paths, brain.evidence, Recipe.model_validate({"cohort": {"site": None}}))
    assert no_site.scores_table() is None
    assert no_site.components_table()["left_out"].isna().all()


def test_an_atlas_names_the_peaks(results, tmp_path: Path) -> None:
    atlas = write_atlas(tmp_path, tpl__MNI_atlas__Own="index\tname\n11\tPutamen, left\n")
    assert results(atlas=str(atlas)).peaks()["label"].tolist() == ["Putamen, left"]


def test_the_nearest_table_of_names_is_taken(tmp_path: Path) -> None:
    atlas = write_atlas(tmp_path, tpl__MNI="a", tpl__MNI_atlas__Own="b", tpl__MNI_atlas__Other="c")
    assert [path.name for path in atlas_files(str(atlas))] == [atlas.name, "tpl-MNI_atlas-Own_dseg.tsv"]
    assert atlas_files(None) == []
    assert read_atlas(None) is None


@pytest.mark.parametrize(
    ("names", "said"),
    [("number\tname\n1\ta\n", "no column index"), ("index\tname\nx\ta\n", "no whole number")],
)
def test_a_table_that_is_none_is_a_clear_error(tmp_path: Path, names: str, said: str) -> None:
    atlas = write_atlas(tmp_path, tpl__MNI_atlas__Own=names)
    with pytest.raises(InputError, match=said):
        read_atlas(str(atlas))


def test_a_file_that_is_no_atlas_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a file.*analysis\.atlas=FILE"):
        read_atlas(str(tmp_path / "none.nii"))
    (tmp_path / "broken.nii").write_bytes(b"x")
    with pytest.raises(InputError, match=r"broken\.nii"):
        read_atlas(str(tmp_path / "broken.nii"))
    probabilities = tmp_path / "probabilities.nii"
    nib.Nifti1Image(np.random.default_rng(0).random(SHAPE).astype(np.float32), AFFINE).to_filename(
        probabilities
    )
    with pytest.raises(InputError, match="not whole numbers"):
        read_atlas(str(probabilities))
