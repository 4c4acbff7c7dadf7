"""Who is healthy in a dataset, and whether they are enough."""

import nibabel as nib
import numpy as np
import pandas as pd
import pytest

from adhd_cvae.errors import InputError
from pipelines.background.healthy import check_count, find_healthy
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe


@pytest.fixture
def dataset(tmp_path):
    """Four participants: two controls, a patient, and one of whom nothing is known."""
    names = [f"sub-{number}" for number in range(1, 5)]
    for name in names:
        (tmp_path / "bids" / name / "anat").mkdir(parents=True)
        path = tmp_path / "bids" / name / "anat" / f"{name}_space-MNI152NLin2009aSym_label-GM_probseg.nii.gz"
        nib.save(nib.Nifti1Image(np.ones((2, 2, 2), np.float32), np.eye(4)), path)
    table = pd.DataFrame({"participant_id": names, "dx": ["0", "1", "0", "n/a"]})
    table.to_csv(tmp_path / "bids" / "participants.tsv", sep="\t", index=False)
    return BidsInput(tmp_path / "bids")


def run(folder, *changes):
    return Run(OutputPaths(folder / "out"), load_recipe("smoke", changes), Silent())


def test_controls_are_healthy_and_the_others_are_left_out_with_their_reason(dataset, tmp_path):
    found = find_healthy(run(tmp_path), dataset)
    assert list(found.table["participant_id"]) == ["sub-1", "sub-3"]
    others = found.exclusions[found.exclusions["reason"] == "not_background"]
    assert list(others["participant_id"]) == ["sub-2", "sub-4"]
    assert not (tmp_path / "out").exists()


def test_without_a_column_of_groups_everybody_is(dataset, tmp_path):
    assert len(find_healthy(run(tmp_path, "cohort.group=none"), dataset).table) == 4


def test_nobody_healthy_names_the_codes_that_there_are(dataset, tmp_path):
    with pytest.raises(InputError, match=r"column dx holds 0, 1, expected cohort\.background 7"):
        find_healthy(run(tmp_path, "cohort.background=[7]"), dataset)


def test_too_few_are_refused_with_both_numbers(tmp_path):
    check_count(run(tmp_path), 200)
    with pytest.raises(InputError, match=r"^199 healthy .* at least 200 \(reference\.least_participants"):
        check_count(run(tmp_path), 199)
