"""A reference as a file."""

import numpy as np
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.models.reference_background import fit_reference
from adhd_cvae.models.reference_file import load_reference, save_reference


@pytest.fixture
def saved(tmp_path, rng):
    reference = fit_reference(rng.standard_normal((30, 8)), np.arange(30) % 2)
    save_reference(reference, tmp_path, {"modulated": True})
    return reference, tmp_path


def test_what_was_saved_is_read(saved):
    reference, folder = saved
    found, provenance = load_reference(folder)
    assert provenance == {"modulated": True}
    for name, value in vars(reference).items():
        assert np.array_equal(getattr(found, name), value)


def test_nobody_is_in_it(saved):
    _, folder = saved
    assert (folder / "reference.json").read_text(encoding="utf-8").count("sub-") == 0
    assert sorted(path.name for path in folder.iterdir()) == ["reference.json", "reference.safetensors"]


def test_no_reference_and_a_damaged_one_are_refused(saved, tmp_path):
    with pytest.raises(InputError, match=r"holds no reference\.json"):
        load_reference(tmp_path / "elsewhere")
    file = tmp_path / "reference.safetensors"
    file.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(InputError, match=r"is damaged"):
        load_reference(tmp_path)
