"""A participant's own files: where they lie, and samples that depend on nobody else."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.io import write_tsv
from pipelines.workflows.participant_files import ParticipantFiles, posterior_samples

COHORT = pd.DataFrame(
    {
        "participant_id": ["sub-02", "sub-01"],
        "image": ["sub-02/anat/sub-02_probseg.nii.gz", "sub-01/ses-b/anat/sub-01_ses-b_probseg.nii.gz"],
    }
)


@pytest.fixture
def rows():
    values = {"s_00": [0.5, -1.0], "z_00": [1.0, 2.0], "s_00_sd": [0.1, 0.2], "z_00_sd": [0.0, 0.3]}
    values |= {"distance": [0.9, 1.1], "out_of_distribution": [False, False]}
    return pd.DataFrame({"participant_id": ["sub-02", "sub-01"], **values})


def test_they_lie_below_the_session_where_there_is_one(tmp_path):
    own = ParticipantFiles(tmp_path)
    first, second = (own.table(row) for row in COHORT.to_dict("records"))
    assert first == tmp_path / "sub-02" / "anat" / "sub-02_latents.tsv"
    assert second == tmp_path / "sub-01" / "ses-b" / "anat" / "sub-01_ses-b_latents.tsv"


def test_everybodys_tables_are_read_in_the_order_of_the_cohort(tmp_path, rows):
    own = ParticipantFiles(tmp_path)
    for number, row in enumerate(COHORT.to_dict("records")):
        write_tsv(rows.iloc[[number]], own.table(row))
    told = []
    pd.testing.assert_frame_equal(own.read(COHORT, lambda *far: told.append(far)), rows)
    assert told == [(1, 2), (2, 2)]
    assert own.read(COHORT[::-1], lambda *_: None)["participant_id"].tolist() == ["sub-01", "sub-02"]


def test_samples_of_a_participant_do_not_depend_on_who_else_is_there(rows):
    together, alone = posterior_samples(rows, 7, 3), posterior_samples(rows[1:], 7, 3)
    assert set(together) == {"salient", "background"}
    for space in ("salient", "background"):
        assert together[space].shape == (7, 2, 1)
        np.testing.assert_array_equal(together[space][:, 1:], alone[space])
    np.testing.assert_array_equal(together["background"][:, 0], np.ones((7, 1), np.float32))


def test_another_seed_gives_other_samples(rows):
    first, second = (posterior_samples(rows, 7, seed)["salient"] for seed in (3, 4))
    assert not np.array_equal(first, second)
