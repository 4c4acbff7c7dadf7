"""References that somebody else learnt, opened."""

import numpy as np
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.models.reference_background import fit_reference
from adhd_cvae.models.reference_file import save_reference
from pipelines.mlflow_tracking.reference_model import open_reference


def test_a_folder_gives_what_was_saved(tmp_path):
    known = fit_reference(np.random.default_rng(100).normal(size=(12, 30)))
    (tmp_path / "lent").mkdir()
    save_reference(known, tmp_path / "lent", {"name": "elsewhere"})
    found, provenance = open_reference(str(tmp_path / "lent"), tmp_path / "own")
    assert found.checksum == known.checksum
    assert provenance == {"name": "elsewhere"}


def test_no_folder_and_no_store_are_named(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(InputError, match=r"holds no reference\.json"):
        open_reference(str(tmp_path), tmp_path / "own")
    with pytest.raises(InputError, match=r"no MLflow store at .*mlflow\.db"):
        open_reference("models:/adhd-cvae-background@champion", tmp_path / "own")
