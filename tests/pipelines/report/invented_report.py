"""Invented results of every kind, and a reader of the page made of them."""

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
from nibabel.nifti1 import Nifti1Image

from adhd_cvae.io import write_json, write_tsv
from tests.pipelines.whole_tables import write_whole

SPACES = ("salient", "background", "vae")
VARIABLES = {"age": "ratio", "sex": "nominal", "adhd_index": "ratio"}
HOSTILE = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>{{ 7 * 7 }}<!-- $\\x$ &lt;"
"""A script, the end of an attribute, a formula of templates, a comment, one of mathematics, and what looks escaped."""


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._silent = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._silent = tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.text += " ".join(data.split()) + " "

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def cohort_table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    size = 60
    is_patient = np.arange(size) % 2 == 0
    return pd.DataFrame(
        {
            "participant_id": [f"sub-{77000 + number}" for number in range(size)],
            "image": "somewhere.nii.gz",
            "group": np.where(is_patient, "target", "background"),
            # Site 7 has controls only.
            "site": np.where(is_patient, 5, np.where(np.arange(size) % 3 == 0, 7, 5)),
            "age": rng.uniform(7, 18, size).round(2),
            "sex": rng.integers(0, 2, size),
            "adhd_index": np.where(np.arange(size) % 3 == 0, np.nan, 61.25),
            "adhd_measure": np.where(np.arange(size) % 4 == 0, 1, 2),
        }
    )


def rsa_table(p_fdr: float = 0.9) -> pd.DataFrame:
    rows = [
        (space, name, scale, 30, 0.1, 0.05, 0.15, 0.02, p_fdr / 2, p_fdr, 0.0, None)
        for space in SPACES
        for name, scale in VARIABLES.items()
    ]
    columns = ["space", "variable", "scale", "n", "tau", "ci_low", "ci_high", "null_sd", "p_value", "p_fdr"]
    return pd.DataFrame(rows, columns=[*columns, "null_mean", "note"])


def separation_table(p: float = 0.31) -> pd.DataFrame:
    """Everybody, then sites, as `analyse` writes them."""
    measures = {"auc": 0.53, "balanced_accuracy": 0.52, "auc_beyond_covariates": 0.5}
    values = {(space, name): value for space in ("salient", "background") for name, value in measures.items()}
    values |= {("covariates", "auc"): 0.58, ("supervised", "auc"): 0.55}
    rows = [
        {"space": space, "measure": measure, "site": site, "value": value}
        for site in (None, 5, 7)
        for (space, measure), value in values.items()
        if site is None or measure == "auc"
    ]
    table = pd.DataFrame(rows).assign(ci_low=0.44, ci_high=0.62, null_mean=0.51, p_value=p, n=60, note=None)
    table.loc[table["space"] == "supervised", ["null_mean", "p_value"]] = np.nan
    table.loc[0, "in_sample"] = 1.0
    return table


def write_tables(folder: Path) -> None:
    cohort = cohort_table()
    write_whole(cohort, folder / "cohort.tsv")
    write_whole(cohort[["participant_id"]].assign(fold=np.arange(60) // 2 % 5), folder / "folds.tsv")
    levels = {
        "site": {"Levels": {"5": HOSTILE, "7": "WashU"}},
        "sex": {"Levels": {"0": "female", "1": "male"}},
    }
    write_json({**levels, "adhd_index": {"LongName": "ADHD Index"}}, folder / "cohort.json")
    excluded = [
        ("sub-99001", "prepare", "no_map", "/home/someone/maps"),
        ("sub-99001", "prepare", "no_dx", ""),
    ]
    write_whole(
        pd.DataFrame(excluded, columns=["participant_id", "stage", "reason", "detail"]),
        folder / "exclusions.tsv",
    )
    epochs = np.arange(1, 5)
    history = [
        pd.DataFrame(
            {"model": model, "epoch": epochs, "train_loss": 1 / epochs, "validation_loss": 1 / epochs}
        )
        for model in ("cvae", "vae")
    ]
    write_whole(pd.concat(history).assign(reconstruction=1.0), folder / "checkpoints/history.tsv")
    earned = {"step": ["linear", "trained", "deep"], "epochs": [0, 4, 0], "kept": [False, True, False]}
    gains = {"gain_nats": [300.0, 5.5, -2.0], "gain_nats_sd": [9.0, 1.5, 1.0], "splits": 3}
    gains |= {"gain_explained": [0.5, 0.012, -0.004], "gain_explained_sd": 0.002}
    write_whole(pd.DataFrame({"model": "cvae", **earned, **gains}), folder / "checkpoints/earned.tsv")
    latents = cohort[["participant_id", "group"]].assign(s_00=np.linspace(-1, 1, 60), s_01=0.5)
    write_whole(latents, folder / "latents.tsv")
    more = dict.fromkeys(("z_00", "s_00_sd", "s_01_sd", "z_00_sd"), 0.5)
    write_tsv(latents.assign(fold=np.arange(60) // 2 % 5, **more), folder / "out_of_fold.tsv")
    weights = np.tile([1.0, -0.5, 0.1], (5, 1))
    np.savez(
        folder / "out_of_fold.npz",
        folds=np.arange(5),
        participant_id=latents["participant_id"].to_numpy(str),
        salient_discriminant=weights,
        linear=True,
    )
    write_results(folder / "analysis", cohort)
    write_run(folder)


def write_results(analysis: Path, cohort: pd.DataFrame) -> None:
    write_whole(separation_table(), analysis / "separation.tsv")
    write_whole(rsa_table(), analysis / "rsa.tsv")
    published = rsa_table()[["space", "variable"]].assign(mean=0.1, t=12.5, df=9, p_value=1e-6)
    write_whole(published, analysis / "as_published.tsv")
    silhouette = pd.DataFrame(
        {"space": SPACES, "variable": "sex", "n": 30, "silhouette": 0.1, "p_value": 0.2}
    )
    write_whole(
        silhouette.assign(difference=[0.02, np.nan, np.nan], labels="above 12 or not (median)"),
        analysis / "silhouette.tsv",
    )
    mixture = [
        (s, c, k, 10.0 - k if c == "tied" else k) for s in SPACES for c in ("full", "tied") for k in (1, 2)
    ]
    mixture_table = pd.DataFrame(mixture, columns=["space", "covariance", "k", "bic"])
    write_whole(mixture_table.assign(bic_min=0.0, bic_max=11.0), analysis / "mixture.tsv")
    mixture_test = {"covariance": ["full", "diag"], "statistic": 20.5, "p_value": [0.4, 0.01], "n": 30}
    write_whole(pd.DataFrame(mixture_test).assign(space="salient"), analysis / "mixture_test.tsv")
    claim = {"space": "salient", "variable": "age", "n": 30, "tau": 0.1, "ci_low": 0.05, "ci_high": 0.15}
    claim |= {"p_fdr": 0.01, "difference": 0.1, "difference_ci_low": -0.123, "difference_ci_high": 0.2}
    verdicts = {
        "claim": ["s is related to age", "s is related to x"],
        "verdict": ["supported", "not testable"],
    }
    claim |= {"checks": [7, 0], "agree": [6, 0]}
    write_whole(pd.DataFrame({**verdicts, "reason": HOSTILE, **claim}), analysis / "claims.tsv")
    checks = {"claim": "s is related to age", "check": ["fold 0 left out", "spaces of equal size"], "n": 24}
    checks |= {"tau": 0.11, "p_value": 0.031, "verdict": "supported", "note": HOSTILE}
    write_whole(pd.DataFrame(checks), analysis / "claim_checks.tsv")
    names = cohort["participant_id"]
    umap = [pd.DataFrame({"participant_id": names, "space": s, "umap_1": 0.1, "umap_2": 0.2}) for s in SPACES]
    write_whole(pd.concat(umap), analysis / "umap.tsv")
    probes = pd.DataFrame(
        {"space": SPACES, "target": "sex", "probe": "linear", "metric": "balanced_accuracy"}
    )
    write_whole(probes.assign(score=0.6, null_mean=0.5, null_p95=0.62, p_value=0.1), analysis / "probes.tsv")
    asked = [("site", "target", 0.6), ("site", "background", 0.5), ("age", "background", 0.2)]
    rows = [(space, "before", *row) for space in ("maps", "salient", "background") for row in asked]
    held = pd.DataFrame(rows, columns=["space", "stage", "target", "group", "score"])
    held["metric"] = np.where(held["target"] == "site", "balanced_accuracy", "r")
    write_whole(held.assign(null_mean=0.5, null_p95=0.55, n=30, note=HOSTILE), analysis / "harmonisation.tsv")
    independence = {
        "measure": ["hsic", "units"],
        "space": "salient",
        "value": [0.01, 2],
        "p_value": [0.01, np.nan],
    }
    write_whole(pd.DataFrame(independence), analysis / "independence.tsv")
    recovery = pd.DataFrame({"factor": "severity_striatal", "space": ["salient", "contrastive_pca"]})
    tests = pd.DataFrame({"table": "rsa", "family": "rsa", "test": [f"salient s, v{k}" for k in range(18)]})
    tests = tests.assign(p_value=0.3, correction="FDR", p_corrected=0.4, note=HOSTILE)
    tests.loc[:1, "p_value"] = 0.01
    tests.loc[17, ["table", "family", "correction"]] = [
        "as_published",
        "as_published",
        "no test of participants",
    ]
    write_whole(tests, analysis / "p_values.tsv")
    write_whole(
        recovery.assign(split="out_of_fold", metric="r", score=[0.81, 0.79]), analysis / "recovery.tsv"
    )


def write_run(folder: Path) -> None:
    recipe = {
        "name": "demo",
        "seed": 3,
        "image": {"shape": [64, 64, 64], "voxel_size": 3.0, "fwhm": 6.0},
        "model": {"salient": 2, "background": 32, "start": "contrastive_pca"},
        "training": {"vae": True, "epochs": 40, "learning_rate": 1e-3, "batch_size": 16, "patience": 10},
        "cohort": {"site": "site", "folds": 5},
        "analysis": {
            "permutations": 1000,
            "bootstraps": 200,
            "permute_within": "site",
            "batteries": {"adhd_pc1": ["adhd_index"]},
        },
    }
    stage = {
        "state": "done",
        "fingerprint": "f" * 64,
        "settings": {},
        "inputs": {
            "participants.tsv": "e" * 64,
            "/home/someone/data/table.csv": "d" * 64,
            "sub-77001.nii": "c" * 64,
        },
        "outputs": {"cohort.tsv": [10, "a" * 64]},
    }
    run = {
        "recipe": recipe,
        "seed": 3,
        "software": {"python": "3.11", "adhd-cvae": "0.1.0", "torch": "2.13.0"},
    }
    run |= {
        "device": "cpu",
        "bids_dir": "/home/someone/bids",
        "hostname": "secret-host",
        "stages": {"prepare": stage},
    }
    write_json(run, folder / "run.json")


def write_decoded(folder: Path) -> None:
    rng = np.random.default_rng(0)
    shape = (12, 15, 12)
    mask = np.zeros(shape, np.uint8)
    mask[2:10, 2:13, 2:10] = 1
    voxels = int(mask.sum())
    names = cohort_table()["participant_id"].to_numpy(str)
    arrays = {
        "affine": np.array([[12.0, 0, 0, -66], [0, 12, 0, -102], [0, 0, 12, -60], [0, 0, 0, 1]]),
        "mask": mask,
        "brain_mean": rng.random(voxels),
        "effect_participant_id": names[::2],
        "effect": rng.normal(size=(30, voxels)),
        "traversal": rng.normal(size=(2, 3, voxels)),
        "traversal_values": np.array([[-1.0, 0, 1]] * 2),
        "example_participant_id": names[:2],
        "example_group": np.array(["target", "background"]),
        "example": rng.random((2, 4, voxels)),
        "participant_id": names,
        "reconstruction_error": rng.random(60),
        "pca_reconstruction_error": rng.random(60),
        "salient_map": rng.normal(size=(2, voxels)),
    }
    np.savez(folder / "decoded.npz", allow_pickle=False, **arrays)
    (folder / "maps").mkdir()
    write_maps(folder / "maps", mask, arrays["affine"])
    peaks = {
        "cluster": ["1", "1a"],
        "x_mm": 1.5,
        "y_mm": -9.0,
        "z_mm": 3.0,
        "peak": -0.125,
        "volume_mm3": [2700, np.nan],
        "t": -5.5,
        "label": ["Putamen", HOSTILE],
    }
    write_whole(pd.DataFrame(peaks), folder / "analysis/peaks.tsv")
    tests = {
        "map": ["group", "salient_effect", "adhd_pc1"],
        "statistic": ["t", "mean", "r"],
        "n": [60, 30, 30],
    }
    tests |= {"voxels": 704, "significant": [430, np.nan, 0], "largest": 4.0, "p_value": [0.004, np.nan, 0.2]}
    tests |= {"cosine": [np.nan, 0.93, np.nan], "sign_agreement": [np.nan, 0.88, np.nan]}
    tests |= {"covariates": ["site, age", None, "site"], "note": None}
    write_whole(pd.DataFrame(tests), folder / "analysis/group_maps.tsv")
    folds = {"left_out": [None, "5", "7"], "component": 1, "n": [np.nan, 20, 10], "n_others": [30, 10, 20]}
    folds |= {
        "explained": [np.nan, 0.41, 0.32],
        "explained_others": 0.45,
        "explained_own": [np.nan, 0.5, 0.6],
    }
    folds |= {"cosine": [np.nan, 0.91, 0.92], "cosine_own": [np.nan, 0.71, 0.32], "note": None}
    write_whole(pd.DataFrame(folds), folder / "analysis/effect_components.tsv")


def write_maps(folder: Path, mask: np.ndarray, affine: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=mask.shape) * mask
    effect = ("Mean", "ByAdhdPc1Slope", "ByAdhdPc1R", "Component01", "Component02")
    for name in ("groupT", *(f"salientEffect{name}" for name in effect)):
        image = Nifti1Image(noise.astype(np.float32), affine)
        image.to_filename(folder / f"space-MNI_desc-{name}_map.nii.gz")
    for name in ("groupP", "salientEffectByAdhdPc1P"):
        image = Nifti1Image(np.where(mask, 0.01, 1).astype(np.float32), affine)
        image.to_filename(folder / f"space-MNI_desc-{name}_map.nii.gz")


def write_slices(folder: Path) -> None:
    rng = np.random.default_rng(5)
    (folder / "cache").mkdir()
    np.savez(
        folder / "cache" / "pictures.npz",
        excluded=rng.random((3, 3, 8, 8)).astype(np.float16),
        excluded_reason=["off_centre", "not_in_template_space", "negative_values"],
        outlier=rng.random((5, 3, 8, 8)).astype(np.float16),
        outlier_distance=[2.5, 1.5, 1.2, 1.1, 1.0],
    )
