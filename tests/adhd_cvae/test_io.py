import numpy as np
import pandas as pd
import pytest

from adhd_cvae.io import atomic_path, fingerprint, read_tsv, write_tsv


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "table.tsv"
    path.write_text("old")

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_floats_missing_values_and_padded_identifiers_survive_a_round_trip(tmp_path):
    values = np.random.default_rng(0).standard_normal(50) * 10.0 ** np.arange(-25, 25)
    table = pd.DataFrame({"participant_id": [f"00{i}" for i in range(50)], "value": values})
    table.loc[3, "value"] = np.nan
    write_tsv(table, tmp_path / "t.tsv")
    assert "n/a" in (tmp_path / "t.tsv").read_text()
    pd.testing.assert_frame_equal(read_tsv(tmp_path / "t.tsv"), table, check_exact=True)


def test_only_the_bids_missing_code_is_missing(tmp_path):
    (tmp_path / "t.tsv").write_text("participant_id\tnote\nsub-1\tNA\nsub-2\tn/a\n")
    assert read_tsv(tmp_path / "t.tsv")["note"].isna().tolist() == [False, True]


def test_fingerprint_ignores_key_order_but_not_values():
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
