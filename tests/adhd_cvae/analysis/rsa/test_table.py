"""The table of relations: every cell its own, corrected as a whole, with an error that names what is amiss."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.analysis import permutation_rsa
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.rsa.table import RSA_COLUMNS, rsa_table, with_noise_ceilings
from adhd_cvae.config import SizesConfig
from adhd_cvae.errors import InputError


def noise_table(n_jobs=1, order=("age", "sex"), seed=0):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.normal(size=40), "sex": rng.integers(0, 2, 40).astype(float)})
    frame.loc[3, "age"] = np.nan
    scales = {"age": "ratio", "sex": "nominal"}
    spaces = {"salient": rng.normal(size=(40, 2)), "background": rng.normal(size=(40, 5))}
    return rsa_table(
        spaces,
        frame,
        {k: scales[k] for k in order},
        Inference(permutations=99, bootstraps=50, seed=seed),
        n_jobs=n_jobs,
    )


def test_table_is_reproducible_and_a_cell_does_not_depend_on_the_others():
    table = noise_table()
    assert list(table.columns) == RSA_COLUMNS
    pd.testing.assert_frame_equal(table, noise_table(n_jobs=2))
    alone = noise_table(order=("sex",)).set_index("space")
    both = table[table["variable"] == "sex"].set_index("space")
    columns = ["tau", "ci_low", "p_value", "null_sd"]
    pd.testing.assert_frame_equal(alone[columns], both[columns])
    assert not table["p_value"].equals(noise_table(seed=1)["p_value"])
    assert table.set_index(["space", "variable"]).loc[("salient", "age"), "n"] == 39


def test_the_table_shows_how_far_it_is():
    rng = np.random.default_rng(0)
    seen = []
    rsa_table(
        {"salient": rng.normal(size=(20, 2)), "background": rng.normal(size=(20, 2))},
        pd.DataFrame({"age": rng.normal(size=20)}),
        {"age": "ratio"},
        Inference(permutations=9, bootstraps=0),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(0, 2), (1, 2), (2, 2)]


def test_benjamini_hochberg_over_the_whole_table_without_untested_cells():
    rng = np.random.default_rng(0)
    severity = rng.normal(size=60)
    frame = pd.DataFrame({"severity": severity, "noise": rng.normal(size=60), "constant": 1.0})
    table = rsa_table(
        {"salient": severity[:, None]}, frame, dict.fromkeys(frame, "ratio"), Inference(permutations=199)
    )
    p = table.set_index("variable")["p_value"]
    fdr = table.set_index("variable")["p_fdr"]
    assert fdr["severity"] == pytest.approx(p["severity"] * 2)
    assert np.isnan(fdr["constant"])


def test_errors_name_the_variable():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": ["old"] * 12})
    with pytest.raises(InputError, match=r"'age' holds 'old'"):
        rsa_table({"salient": rng.normal(size=(12, 2))}, frame, {"age": "ratio"}, Inference())
    with pytest.raises(InputError, match=r"no column 'iq' \(found: age\)"):
        rsa_table({"salient": rng.normal(size=(12, 2))}, frame, {"iq": "ratio"}, Inference())
    with pytest.raises(InputError, match="'salient' has 11 participants, the variables 12"):
        rsa_table({"salient": rng.normal(size=(11, 2))}, frame, {"age": "nominal"}, Inference())
    with pytest.raises(InputError, match="expected ratio or nominal"):
        permutation_rsa(rng.normal(size=(12, 2)), np.arange(12), "ordinal")


def test_only_spaces_with_samples_have_a_noise_ceiling():
    rng = np.random.default_rng(0)
    spaces = {"salient": rng.normal(size=(20, 2)), "background": rng.normal(size=(20, 2))}
    frame = pd.DataFrame({"age": rng.normal(size=20)})
    plain = rsa_table(spaces, frame, {"age": "ratio"}, Inference(permutations=9, bootstraps=0))
    assert plain["noise_ceiling"].isna().all()
    samples = {"salient": spaces["salient"] + 0.1 * rng.normal(size=(3, 20, 2))}
    table = with_noise_ceilings(plain, spaces, samples, SizesConfig())
    assert list(table.columns) == RSA_COLUMNS
    assert table.set_index("space")["noise_ceiling"].notna().to_dict() == {
        "salient": True,
        "background": False,
    }
