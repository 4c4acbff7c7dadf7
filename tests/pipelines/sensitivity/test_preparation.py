"""What of a dataset cohorts are made of, and what is said of what it cannot tell."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.recipes.loader import load_recipe
from pipelines.sensitivity.preparation import counts, prepare
from tests.shown import Shown

SETTINGS = (
    *("image.shape=[16, 16, 16]", "image.voxel_size=12", "image.fwhm=12"),
    *("image.min_template_correlation=null", "image.max_offset=null", "sensitivity.fewest_controls=12"),
)


@pytest.fixture
def lab(tmp_path):
    """Write a dataset of so many controls and patients by site; give what `prepare` makes of it, and what it says."""

    def make(*sites, column="dx"):
        rng, rows = np.random.default_rng(0), []
        for site, groups in enumerate(sites, start=1):
            for code, count in enumerate(groups):
                rows += [{"site": site, column: code, "age": rng.uniform(7, 18)} for _ in range(count)]
        table = pd.DataFrame(rows)
        names = [f"sub-{number:02d}" for number in range(len(table))]
        affine = np.diag([6.0, 6, 6, 1])
        affine[:3, 3] = -90, -126, -72
        for name in names:
            path = (
                tmp_path / "bids" / name / "anat" / f"{name}_space-MNI152NLin2009aSym_label-GM_probseg.nii.gz"
            )
            path.parent.mkdir(parents=True)
            values = rng.uniform(0.1, 0.9, (30, 36, 30)).astype(np.float32)
            nib.save(nib.Nifti1Image(values, affine), path)
        table.insert(0, "participant_id", names)
        table.to_csv(tmp_path / "bids" / "participants.tsv", sep="\t", index=False)
        run = Run(OutputPaths(tmp_path / "out"), load_recipe("smoke", SETTINGS), Shown())
        return prepare(run, BidsInput(tmp_path / "bids"), "key"), run.progress

    return make


def test_cohorts_are_made_of_the_controls_and_patients_say_how_they_are_dealt(lab):
    found, _ = lab((10, 5), (8, 8))
    assert counts(found.laboratory.everybody) == (13, 18)
    assert len(found.controls.table) == 18
    assert found.laboratory.dealer.shares == {"1": pytest.approx(5 / 15), "2": 0.5}
    assert found.laboratory.planting.images.shape == (18, 16, 16, 16)
    assert not found.lent
    assert [note for note in found.notes if "18 controls are few" in note]


@pytest.mark.parametrize(
    ("sites", "column", "words"),
    [
        (((14, 0), (0, 9)), "dx", "No site has patients and controls"),
        (((14, 6), (4, 0)), "dx", "Sites with one group alone, where nobody stands for a patient: 2"),
        (((14, 0),), "dx", "There are no patients"),
        (((14, 0),), "mood", "There are no patients"),
    ],
)
def test_what_a_cohort_cannot_be_asked_is_noted(lab, sites, column, words):
    found, shown = lab(*sites, column=column)
    assert [note for note in found.notes if words in note]
    assert any("everybody is taken for a control" in line for line in shown.lines) == (column == "mood")


def test_too_few_controls_are_refused(lab):
    with pytest.raises(InputError, match=r"11 controls .* at least 12"):
        lab((11, 30))
