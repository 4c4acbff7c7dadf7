"""Every named objective trains from the command line, and run.json says with which weights."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import OBJECTIVES, Recipe
from adhd_cvae.io import new_array_file, read_json, read_tsv, write_json, write_tsv
from pipelines.cli import main
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import OutputPaths

SMALL = (
    *("image.shape=[16, 16, 16]", "image.voxel_size=12", "training.vae=false", "objective.beta=0.5"),
    "training.train_salient=true",  # terms that act on means of s alone count where these learn
)
TERMS = ("total_correlation", "background_mmd", "salient_mmd_of_background", "hsic", "classification")


@pytest.fixture
def prepared(tmp_path):
    """A cache of invented maps, as `prepare` leaves it."""
    paths, rng = OutputPaths(tmp_path / "prepared"), np.random.default_rng(0)
    with owned(paths.folder):
        _prepare(paths, rng)
    return paths


def _prepare(paths, rng):
    group = np.where(np.arange(24) % 2, "target", "background")
    cohort = pd.DataFrame({"participant_id": [f"sub-{number:02d}" for number in range(24)], "image": "n/a"})
    write_tsv(cohort.assign(group=group, site=1), paths.cohort)
    images = new_array_file(paths.images, (24, 16, 16, 16))
    images[:] = rng.uniform(0.2, 0.9, (24, 16, 16, 16))
    images.flush()
    write_json({"settings": {}, "maps": []}, paths.manifest)


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_a_named_objective_trains_and_its_weights_are_recorded(prepared, name):
    settings = [part for setting in (*SMALL, f"objective.name={name}") for part in ("--set", setting)]
    with pytest.raises(SystemExit) as ended:
        main.main(["train", str(prepared.folder), "--recipe", "smoke", "--no-live", *settings])
    assert ended.value.code == 0
    expected = Recipe.model_validate({"objective": {"name": name, "beta": 0.5}}).objective
    assert read_json(prepared.provenance)["recipe"]["objective"] == expected.model_dump(mode="json")
    trained = read_tsv(prepared.history).query("epoch > 0")
    assert trained["step"].tolist() == ["trained", "trained", "deep", "deep"]
    assert trained["train_loss"].notna().all()
    for term in TERMS:  # those without a weight are 0
        assert (trained[term] != 0).all() == (getattr(expected, term) > 0), term
