"""Whatever is wrong with the data, a table has a row with a reason, or there is one clear error."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.analysis.claims import OneCluster, Relation, claims_table
from adhd_cvae.analysis.independence import independence_table
from adhd_cvae.analysis.mixture import mixture_table, mixture_test_table
from adhd_cvae.analysis.permutation import Inference
from adhd_cvae.analysis.probes import probe_table
from adhd_cvae.analysis.recovery import Scoring, recovery_table
from adhd_cvae.analysis.rsa.as_published import as_published_table
from adhd_cvae.analysis.rsa.partial import held_columns
from adhd_cvae.analysis.rsa.table import rsa_table, with_noise_ceilings
from adhd_cvae.analysis.silhouette import silhouette_table
from adhd_cvae.analysis.umap_projection import umap_table
from adhd_cvae.analysis.variables import battery_component
from adhd_cvae.cohort.confounding import confounding_table

SCALES = {"score": "ratio", "site": "nominal"}
CASES = ("constant", "three participants", "all missing", "one site", "one group", "nobody", "NaN latents")
CASES += ("some NaN latents", "constant latents")


class Data:
    """Twenty-four participants of two sites with one thing wrong."""

    def __init__(self, case: str) -> None:
        rng = np.random.default_rng(0)
        n = {"three participants": 3, "nobody": 0}.get(case, 24)
        self.spaces = {"salient": rng.normal(size=(n, 2)), "background": rng.normal(size=(n, 3))}
        self.frame = pd.DataFrame(
            {"score": rng.normal(size=n), "site": np.arange(n) % 2, "age": rng.normal(size=n)}
        )
        self.is_patient = np.arange(n) % 4 < 2
        if case == "constant":
            self.frame["score"] = 1.0
        elif case == "all missing":
            self.frame["score"] = np.nan
        elif case == "one site":
            self.frame["site"] = 1
        elif case == "one group":
            self.is_patient[:] = True
        elif case == "NaN latents":
            self.spaces["salient"][:] = np.nan
        elif case == "some NaN latents":
            self.spaces["salient"][::3, 0] = np.nan
        elif case == "constant latents":
            self.spaces["salient"][:] = 1.0
        self.draws = {name: np.stack([values, values + 0.1]) for name, values in self.spaces.items()}
        self.ids = [f"sub-{k:02}" for k in range(n)]
        self.cohort = self.frame.assign(group=np.where(self.is_patient, "target", "background"))


def rsa(data: Data) -> pd.DataFrame:
    inference = Inference(permutations=19, bootstraps=9, strata=data.frame["site"])
    held = held_columns(data.frame, "site", ["age"])
    table = rsa_table(data.spaces, data.frame, SCALES, inference, held=held, n_jobs=1)
    return with_noise_ceilings(table, data.spaces, data.draws, inference.sizes)


def claims(data: Data) -> pd.DataFrame:
    said = [Relation("salient", "score", ("score",)), Relation("background", "site", ("site",))]
    mixtures = (
        mixture_table(data.draws, max_components=2),
        mixture_test_table(data.spaces, Inference(bootstraps=9)),
    )
    return claims_table([*said, OneCluster("salient")], rsa(data), *mixtures)


TABLES: dict[str, tuple[Callable[[Data], pd.DataFrame], str]] = {
    "rsa": (rsa, "p_value"),
    "as_published": (lambda data: as_published_table(data.draws, data.frame, SCALES), "p_value"),
    "silhouette": (
        lambda data: silhouette_table(
            data.spaces, data.frame, SCALES, Inference(permutations=19, bootstraps=9)
        ),
        "p_value",
    ),
    "mixture": (lambda data: mixture_table(data.draws, max_components=2), "bic"),
    "mixture_test": (lambda data: mixture_test_table(data.spaces, Inference(bootstraps=9)), "p_value"),
    "umap": (lambda data: umap_table(data.spaces, data.ids, 0), "umap_1"),
    "probes": (
        lambda data: probe_table(
            data.spaces,
            data.frame,
            SCALES,
            Inference(strata=data.frame["site"], permutations=19),
        ),
        "p_value",
    ),
    "independence": (
        lambda data: independence_table(data.spaces, data.is_patient, Inference(permutations=19)),
        "value",
    ),
    "recovery": (
        lambda data: recovery_table(data.spaces, data.is_patient, data.frame[["score"]], Scoring(shuffles=1)),
        "score",
    ),
    "claims": (claims, "tau"),
    "confounding": (lambda data: confounding_table(data.cohort, "site", SCALES), "value"),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("case", CASES)
def test_a_table_of_degenerate_data_has_reasons_and_no_infinity(name, case):
    make, value = TABLES[name]
    table = make(Data(case))
    numbers = table.select_dtypes("number")
    assert not np.isinf(numbers.to_numpy(np.float64, na_value=np.nan)).any()
    if name not in ("umap", "confounding"):
        assert len(table)
    reason = "reason" if name == "claims" else "note"
    if reason in table:
        silent = table[value].isna() & table[reason].isna()
        if name == "umap":  # a participant without latents is missing on a map that others are on
            silent &= table["trustworthiness"].isna()
        assert not silent.any(), table[silent]


@pytest.mark.parametrize("case", CASES)
def test_a_battery_of_degenerate_columns_is_missing_or_finite(case):
    data = Data(case)
    found = battery_component(data.frame[["score", "age"]])
    assert len(found) == len(data.frame)
    assert not np.isinf(found).any()


@pytest.mark.parametrize(
    ("case", "verdicts"),
    [
        ("constant", ["not testable", None, None]),
        ("all missing", ["not testable", None, None]),
        ("one site", [None, "not testable", None]),
        ("three participants", ["not testable"] * 3),
        ("NaN latents", ["not testable", None, "not testable"]),
        ("constant latents", ["not testable", None, "not testable"]),
    ],
)
def test_what_cannot_be_asked_is_called_not_testable(case, verdicts):
    found = claims(Data(case))["verdict"].tolist()
    for verdict, expected in zip(found, verdicts, strict=True):
        assert (verdict == "not testable") == (expected == "not testable")
