"""Probes that find what is there and nothing else."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.probes import PROBE_COLUMNS, probe_table
from adhd_cvae.errors import InputError

BOUNDS = binom.interval(0.999, 200, 0.05)


def cohort(n=120, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.uniform(7, 18, n),
            "sex": rng.integers(0, 2, n),
            "site": rng.choice(["NYU", "KKI", "OHSU"], n),
        }
    )
    latents = rng.normal(size=(n, 4))
    latents[:, 0] += frame["age"]
    latents[:, 1] += 3 * frame["sex"]
    return {"background": latents, "salient": rng.normal(size=(n, 2))}, frame


SCALES = {"age": "ratio", "sex": "nominal", "site": "nominal"}


def test_probes_find_what_was_put_in_and_only_there():
    spaces, frame = cohort()
    table = probe_table(spaces, frame, SCALES, Inference(permutations=199))
    assert list(table.columns) == PROBE_COLUMNS
    rows = table.set_index(["space", "target", "probe"])
    assert set(table["probe"]) == {"linear", "rbf"}
    assert (table["n"] == len(frame)).all()
    for probe in ("linear", "rbf"):
        for target in ("age", "sex"):
            assert rows.loc[("background", target, probe), "p_value"] == pytest.approx(1 / 200)
            assert rows.loc[("salient", target, probe), "p_value"] > 0.02
        assert rows.loc[("background", "age", probe), "score"] > 0.8
        assert rows.loc[("background", "sex", probe), "score"] > 0.8
        assert rows.loc[("background", "site", probe), "p_value"] > 0.02
    assert rows.loc[("background", "sex", "linear"), "null_mean"] == pytest.approx(0.5, abs=0.03)
    assert rows.loc[("background", "site", "linear"), "null_mean"] == pytest.approx(1 / 3, abs=0.03)
    assert rows.loc[("background", "age", "linear"), "metric"] == "r"
    assert rows.loc[("background", "sex", "linear"), "metric"] == "balanced_accuracy"
    pd.testing.assert_frame_equal(table, probe_table(spaces, frame, SCALES, Inference(permutations=199)))


def test_rbf_probe_sees_what_a_linear_one_cannot():
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(100, 2))
    frame = pd.DataFrame({"ring": (latents**2).sum(axis=1)})
    table = probe_table({"salient": latents}, frame, {"ring": "ratio"}, Inference(permutations=99))
    scores = table.set_index("probe")["score"]
    assert scores["rbf"] > 0.7
    assert scores["linear"] < 0.3


@pytest.mark.parametrize(("target", "probe"), [("y", "linear"), ("y", "rbf"), ("c", "linear"), ("c", "rbf")])
def test_five_percent_of_noise_is_significant(target, probe):
    scales = {"y": "ratio", "c": "nominal"}
    rejected = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({"y": rng.normal(size=24), "c": (rng.random(24) < 0.3).astype(int)})
        frame.loc[:5, "c"] = 1
        latents = {"salient": rng.normal(size=(24, 3))}
        table = probe_table(
            latents,
            frame,
            {target: scales[target]},
            Inference(permutations=39, seed=seed),
            folds=4,
        )
        rejected += table.set_index("probe")["p_value"][probe] <= 0.05
    assert BOUNDS[0] <= rejected <= BOUNDS[1]


def test_strata_keep_a_site_effect_from_passing_for_one_of_the_target():
    rng = np.random.default_rng(0)
    site = np.repeat([0, 1, 2], 30)
    frame = pd.DataFrame({"age": 4.0 * site + rng.normal(size=90)})
    spaces = {"background": site[:, None] + 0.1 * rng.normal(size=(90, 2))}
    free = probe_table(spaces, frame, {"age": "ratio"}, Inference(permutations=99))
    within = probe_table(spaces, frame, {"age": "ratio"}, Inference(permutations=99, strata=site))
    assert (free["p_value"] == 0.01).all()
    assert (within["p_value"] > 0.02).all()
    assert (within["null_mean"] > 0.8).all()


def test_rare_classes_and_targets_that_cannot_be_probed_say_so():
    spaces, frame = cohort()
    site = frame["site"].to_numpy(object)
    site[:3] = "Brown"
    frame = frame.assign(site=site, flat=1.0, empty=np.nan)
    scales = {"site": "nominal", "flat": "ratio", "empty": "nominal"}
    table = probe_table(spaces, frame, scales, Inference(permutations=19)).set_index("target")
    assert (table.loc["site", "n"] == len(frame) - 3).all()
    assert table.loc["site", "note"].str.contains("Brown").all()
    assert table.loc["site", "score"].notna().all()
    assert table.loc[["flat", "empty"], "score"].isna().all()
    assert table.loc["flat", "note"].str.contains("the same").all()
    assert table.loc["empty", "note"].str.contains("0 participants").all()
    within = probe_table(spaces, frame, {"sex": "nominal"}, Inference(permutations=19, strata=frame["sex"]))
    assert within["p_value"].notna().all()
    assert within["note"].str.contains("permuted freely").all()


def test_unknown_target():
    spaces, frame = cohort(30)
    with pytest.raises(InputError, match="no column 'iq'"):
        probe_table(spaces, frame, {"iq": "ratio"}, Inference())
