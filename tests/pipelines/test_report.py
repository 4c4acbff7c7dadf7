"""The page stands alone, says what the tables say and no more, and shows nobody."""

import base64
import hashlib
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nibabel.nifti1 import Nifti1Image

from adhd_cvae.analysis.figure_style import save_figure
from adhd_cvae.config import ObjectiveConfig
from adhd_cvae.errors import InputError
from adhd_cvae.files import read_json, read_tsv, write_json, write_tsv
from pipelines.reporting import cautions, methods, narrative
from pipelines.reporting.formats import count, interval, number, probability
from pipelines.reporting.gallery import PICTURES
from pipelines.reporting.illustrate import DRAWERS, count_left_out, draw_figures
from pipelines.reporting.report import SECTIONS, write_report
from pipelines.reporting.results import Results

SPACES = ("salient", "background", "vae")
VARIABLES = {"age": "ratio", "sex": "nominal", "adhd_index": "ratio"}
HOSTILE = "<script>alert('x')</script>"


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
            "split": np.where(np.arange(size) % 4 < 3, "train", "test"),
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


def write_tables(folder: Path) -> None:
    cohort = cohort_table()
    write_tsv(cohort, folder / "cohort.tsv")
    levels = {
        "site": {"Levels": {"5": HOSTILE, "7": "WashU"}},
        "sex": {"Levels": {"0": "female", "1": "male"}},
    }
    write_json({**levels, "adhd_index": {"LongName": "ADHD Index"}}, folder / "cohort.json")
    excluded = [
        ("sub-99001", "prepare", "no_map", "/home/someone/maps"),
        ("sub-99001", "prepare", "no_dx", ""),
    ]
    write_tsv(
        pd.DataFrame(excluded, columns=["participant_id", "stage", "reason", "detail"]),
        folder / "exclusions.tsv",
    )
    epochs = np.arange(1, 5)
    history = [
        pd.DataFrame({"model": model, "epoch": epochs, "train_loss": 1 / epochs, "test_loss": 1 / epochs})
        for model in ("cvae", "vae")
    ]
    write_tsv(pd.concat(history).assign(reconstruction=1.0), folder / "checkpoints/history.tsv")
    latents = cohort[["participant_id", "group", "split"]].assign(s_00=np.linspace(-1, 1, 60), s_01=0.5)
    write_tsv(latents, folder / "latents.tsv")
    write_results(folder / "analysis", cohort)
    write_run(folder)


def write_results(analysis: Path, cohort: pd.DataFrame) -> None:
    write_tsv(rsa_table(), analysis / "rsa.tsv")
    published = rsa_table()[["space", "variable"]].assign(mean=0.1, t=12.5, df=9, p_value=1e-6)
    write_tsv(published, analysis / "as_published.tsv")
    silhouette = pd.DataFrame(
        {"space": SPACES, "variable": "sex", "n": 30, "silhouette": 0.1, "p_value": 0.2}
    )
    write_tsv(
        silhouette.assign(difference=[0.02, np.nan, np.nan], labels="above 12 or not (median)"),
        analysis / "silhouette.tsv",
    )
    mixture = [
        (s, c, k, 10.0 - k if c == "tied" else k) for s in SPACES for c in ("full", "tied") for k in (1, 2)
    ]
    mixture_table = pd.DataFrame(mixture, columns=["space", "covariance", "k", "bic"])
    write_tsv(mixture_table.assign(bic_min=0.0, bic_max=11.0), analysis / "mixture.tsv")
    mixture_test = {"covariance": ["full", "diag"], "statistic": 20.5, "p_value": [0.4, 0.01], "n": 30}
    write_tsv(pd.DataFrame(mixture_test).assign(space="salient"), analysis / "mixture_test.tsv")
    claim = {"space": "salient", "variable": "age", "n": 30, "tau": 0.1, "ci_low": 0.05, "ci_high": 0.15}
    claim |= {"p_fdr": 0.01, "difference": 0.1, "difference_ci_low": -0.123, "difference_ci_high": 0.2}
    said = {"claim": ["s is related to age", "s is related to x"], "verdict": ["supported", "not testable"]}
    write_tsv(pd.DataFrame({**said, "reason": HOSTILE, **claim}), analysis / "claims.tsv")
    names = cohort["participant_id"]
    umap = [pd.DataFrame({"participant_id": names, "space": s, "umap_1": 0.1, "umap_2": 0.2}) for s in SPACES]
    write_tsv(pd.concat(umap), analysis / "umap.tsv")
    probes = pd.DataFrame(
        {"space": SPACES, "target": "sex", "probe": "linear", "metric": "balanced_accuracy"}
    )
    write_tsv(probes.assign(score=0.6, null_mean=0.5, null_p95=0.62, p_value=0.1), analysis / "probes.tsv")
    independence = {
        "measure": ["hsic", "units"],
        "space": "salient",
        "value": [0.01, 2],
        "p_value": [0.01, np.nan],
    }
    write_tsv(pd.DataFrame(independence), analysis / "independence.tsv")
    recovery = pd.DataFrame({"factor": "severity_striatal", "space": ["salient", "contrastive_pca"]})
    write_tsv(recovery.assign(split="test", metric="r", score=[0.81, 0.79]), analysis / "recovery.tsv")


def write_run(folder: Path) -> None:
    recipe = {
        "name": "demo",
        "seed": 3,
        "image": {"shape": [64, 64, 64], "voxel_size": 3.0, "fwhm": 6.0},
        "model": {"salient": 2, "background": 32, "start": "contrastive_pca"},
        "training": {"vae": True, "epochs": 40, "learning_rate": 1e-3, "batch_size": 16, "patience": 10},
        "cohort": {"site": "site", "test_fraction": 0.25},
        "analysis": {
            "permutations": 1000,
            "bootstraps": 200,
            "permute_within": "site",
            "batteries": {"adhd_pc1": ["adhd_index"]},
        },
    }
    stage = {
        "state": "done",
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
    write_tsv(pd.DataFrame(peaks), folder / "analysis/peaks.tsv")
    tests = {"variable": [None, "adhd_pc1"], "statistic": ["t", "r"], "voxels": 704, "significant": [430, 0]}
    write_tsv(
        pd.DataFrame({**tests, "largest": 4.0, "p_value": [0.004, 0.2]}), folder / "analysis/voxelwise.tsv"
    )
    folds = {"left_out": [None, "5", "7"], "component": 1, "n": [np.nan, 20, 10], "n_others": [30, 10, 20]}
    folds |= {
        "explained": [np.nan, 0.41, 0.32],
        "explained_others": 0.45,
        "explained_own": [np.nan, 0.5, 0.6],
    }
    folds |= {"cosine": [np.nan, 0.91, 0.92], "cosine_own": [np.nan, 0.71, 0.32], "note": None}
    write_tsv(pd.DataFrame(folds), folder / "analysis/effect_components.tsv")


def write_maps(folder: Path, mask: np.ndarray, affine: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=mask.shape) * mask
    for name in ("Mean", "T", "ByAdhdPc1Slope", "ByAdhdPc1R", "Component01", "Component02"):
        image = Nifti1Image(noise.astype(np.float32), affine)
        image.to_filename(folder / f"space-MNI_desc-salientEffect{name}_map.nii.gz")
    for name in ("P", "ByAdhdPc1P"):
        image = Nifti1Image(np.where(mask, 0.01, 1).astype(np.float32), affine)
        image.to_filename(folder / f"space-MNI_desc-salientEffect{name}_map.nii.gz")


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


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    for place in ("analysis", "checkpoints"):
        (folder / place).mkdir()
    write_tables(folder)
    write_decoded(folder)
    write_slices(folder)
    draw_figures(folder)
    write_report(folder)
    return folder


@pytest.fixture
def folder(drawn: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return shutil.copytree(drawn, tmp_path / "results")


@pytest.fixture(scope="module")
def page(drawn: Path) -> Page:
    return Page((drawn / "report.html").read_text(encoding="utf-8"))


def test_every_picture_is_registered_drawn_and_shown(drawn: Path, page: Page) -> None:
    assert [picture.name for picture in PICTURES] == list(DRAWERS)
    assert {picture.section for picture in PICTURES} <= {name for name, *_ in SECTIONS}
    assert {path.name for path in (drawn / "figures").iterdir()} == {picture.file for picture in PICTURES}
    assert [image["alt"] for image in page.all("img")] == [
        picture.alt for name, *_ in SECTIONS for picture in PICTURES if picture.section == name
    ]


def test_page_needs_nothing_from_outside(page: Page) -> None:
    for image in page.all("img"):
        assert (image["src"] or "").startswith("data:image/svg+xml;base64,")
        assert int(image["width"] or 0) > 100
    assert {link["href"] for link in page.all("a")} == {
        f"#{name}" for name in [*(name for name, *_ in SECTIONS), "methods", "reproducibility"]
    }
    assert not page.all("link") + page.all("iframe")


def test_the_viewers_script_is_the_only_one_that_may_run(drawn: Path, page: Page) -> None:
    policy = [meta["content"] or "" for meta in page.all("meta") if meta.get("http-equiv")]
    assert len(policy) == 1
    assert policy[0].startswith(
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'"
    )
    script = re.findall(
        r"<script>(.*?)</script>", (drawn / "report.html").read_text(encoding="utf-8"), re.DOTALL
    )
    assert len(script) == len(page.all("script")) == 1
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert policy[0].endswith(f"script-src 'sha256-{digest}'")


def test_no_script_where_there_is_no_map(folder: Path) -> None:
    shutil.rmtree(folder / "maps")
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert not page.all("script")
    assert "script-src" not in str(page.all("meta"))


def test_peaks_and_components_are_told(page: Page) -> None:
    assert re.search(r"1 1\.5, −9\.0, 3\.0 −0\.125 −5\.5 2700 Putamen", page.text)
    assert re.search(r"WashU 10 0\.32 0\.60 0\.45 0\.92 0\.32", page.text)


def test_page_can_be_read_by_machines(page: Page) -> None:
    assert len(page.all("h1")) == 1
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(heading.get("scope") for heading in page.all("th"))
    assert page.all("html")[0]["lang"] == "en"
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_page_shows_nobody_and_no_machine(drawn: Path, page: Page) -> None:
    raw = (drawn / "report.html").read_text(encoding="utf-8")
    drawings = [base64.b64decode((image["src"] or "").split(",")[1]).decode() for image in page.all("img")]
    for text in (raw, *drawings):
        for private in ("sub-77", "sub-99", "someone", "secret-host", "/home", str(drawn), "61.25"):
            assert private not in text


def test_values_from_data_are_escaped(drawn: Path, page: Page) -> None:
    raw = (drawn / "report.html").read_text(encoding="utf-8")
    assert HOSTILE not in raw
    assert "&lt;script&gt;" in raw
    assert HOSTILE in page.text


def test_same_files_give_the_same_page_and_figures(folder: Path, drawn: Path) -> None:
    for name in ("rsa", "effect_map", "reconstructions", "umap_group"):
        (folder / f"figures/{name}.svg").unlink()
        figure = DRAWERS[name](Results(folder))
        assert figure is not None
        save_figure(figure, folder / f"figures/{name}.svg")
    write_report(folder)
    for name in ("report.html", *(f"figures/{picture.file}" for picture in PICTURES)):
        assert (folder / name).read_bytes() == (drawn / name).read_bytes()


def test_claims_and_the_test_of_one_cluster_are_told(page: Page, folder: Path) -> None:
    assert "the study's 2 claims, judged by this cohort, 1 supported and 1 not testable" in page.text
    assert re.search(
        r"s is related to age supported .* age 30 0\.10 \(0\.05 to 0\.15\) 0\.010 −0\.12", page.text
    )
    assert "rejected by diag, not by full" in page.text
    (folder / "analysis/claims.tsv").unlink()
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "claims" not in {section.get("id") for section in page.all("section")}


def test_partial_tau_and_ceiling_are_shown_where_they_are(page: Page, folder: Path) -> None:
    assert "partial τ" not in page.text
    table = rsa_table().assign(tau_partial=0.0712, p_partial=0.0345, noise_ceiling=0.8123)
    write_tsv(table, folder / "analysis/rsa.tsv")
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "partial τ partial p mean" in page.text
    assert "salient s space, ceiling 0.81" in page.text
    assert re.search(r"0\.071 0\.03[45] 0\.100 12\.5 \(9\)", page.text)
    assert "neighbours in age within sites" in methods.paragraph(Results(folder))


def test_null_result_is_not_called_absence(page: Page) -> None:
    assert "None of the 3 variables is related to any of the spaces beyond chance" in page.text
    assert "That is not evidence of no relation" in page.text


def test_published_statistic_is_labelled(page: Page) -> None:
    assert "calls 9 of 9 rows significant, where permuting participants leaves 0" in page.text
    assert "as published: pseudo-replication, not inference" in page.text
    assert "12.5 (9)" in page.text


def test_survivors_are_named_by_space(folder: Path) -> None:
    table = rsa_table()
    table.loc[(table["space"] == "background") & (table["variable"] == "age"), "p_fdr"] = 0.01
    write_tsv(table, folder / "analysis/rsa.tsv")
    said = " ".join(narrative.summary(Results(folder)))
    assert (
        "none in the salient s space; 1 in the background z space: age (τ = 0.100); none in the plain VAE"
        in said
    )


def test_site_of_one_group_is_not_identified(page: Page) -> None:
    assert (
        "WashU has controls only (10 participants): patients against controls is not identified" in page.text
    )


def test_no_site_with_both_groups(folder: Path) -> None:
    cohort = cohort_table()
    cohort["site"] = np.where(cohort["group"] == "target", 5, 7)
    write_tsv(cohort, folder / "cohort.tsv")
    assert any("No site has both groups" in line for line in cautions.warnings(Results(folder)))


def test_warnings_say_where_the_data_cannot_answer(page: Page) -> None:
    for said in (
        "Only 0 patients held out",
        "More than a fifth of the patients have no value of ADHD Index (33 %)",
        "raw scores of 2 instruments",
        "loss was still falling at the last epoch",
        "not independent (permutation p = 0.010)",
    ):
        assert said in page.text


def test_disagreeing_mixtures_settle_nothing(page: Page) -> None:
    assert (
        "not settled: the lowest BIC is at 1 component with full covariances and 2 components with tied"
        in page.text
    )


def test_voxelwise_test_is_told_with_its_limit(page: Page, folder: Path) -> None:
    assert "61 % of voxels differ between patients and their background twins (least p 0.004)" in page.text
    assert "no voxels vary with ADHD battery, PC1 among patients (least p 0.200)" in page.text
    assert "take the model's decoding for granted" in page.text
    table = read_tsv(folder / "analysis/voxelwise.tsv").assign(significant=1)
    write_tsv(table, folder / "analysis/voxelwise.tsv")
    assert "less than 1\N{NO-BREAK SPACE}% of voxels differ" in narrative.voxels(Results(folder))[0]
    (folder / "analysis/voxelwise.tsv").unlink()
    assert narrative.voxels(Results(folder)) == []


def test_text_in_a_result_table_is_shown_as_it_is(page: Page) -> None:
    assert "above 12 or not (median)" in page.text


def test_code_without_words_is_named_by_its_column(folder: Path) -> None:
    (folder / "cohort.json").unlink()
    assert narrative.confounding(Results(folder))[0].startswith("site 7 has controls only")


def test_simulated_cohort_is_no_finding(page: Page, folder: Path) -> None:
    assert "Nothing on this page is a finding about ADHD" in page.text
    assert "severity striatal: 0.81 from salient s, 0.79 from contrastive PCA" in page.text
    (folder / "analysis/recovery.tsv").unlink()
    (folder / "figures/recovery.svg").unlink()
    text = Page(write_report(folder).read_text(encoding="utf-8")).text
    assert "simulated" not in text.lower()


def test_methods_are_ready_to_paste(drawn: Path, page: Page) -> None:
    results = Results(drawn)
    paragraph = methods.paragraph(results)
    assert paragraph in page.text
    assert "1000 permutations of participants within site" in paragraph
    assert "torch 2.13.0" in paragraph
    references = methods.used_references(results)
    cited = {int(number) for number in re.findall(r"\[(\d+)\]", paragraph)}
    assert cited == set(range(1, len(references) + 1))
    assert "10.1126/science.abm2461" in page.text


def test_methods_say_how_groups_were_balanced(folder: Path) -> None:
    assert "Beforehand" not in methods.paragraph(Results(folder))
    run = read_json(folder / "run.json")
    run["recipe"]["cohort"] |= {
        "drop_one_group_sites": True,
        "match": ["age", "sex"],
        "caliper": 0.25,
        "max_ratio": 2,
    }
    write_json(run, folder / "run.json")
    said = methods.paragraph(Results(folder))
    assert (
        "Beforehand, sites with one group only were left out; each patient was paired with one control by age and"
        in said
    )
    assert "numbers within 0.25 standard deviations" in said
    assert "cut at random to 2 times the smaller one." in said


def test_methods_name_the_objectives_terms_and_cite_them(folder: Path) -> None:
    run = read_json(folder / "run.json")
    for name, expected in (
        ("mm_cvae", "the maximum mean discrepancy of z between the groups was penalised (weight 1000)"),
        ("hsic", "the unbiased, normalised HSIC of patients' s and z was penalised (weight 100)"),
        ("vae", "both were decoded for everyone"),
    ):
        weights = ObjectiveConfig.model_validate({"name": name}).model_dump()
        run["recipe"]["objective"] = weights
        write_json(run, folder / "run.json")
        results = Results(folder)
        assert expected in methods.paragraph(results)
        assert ("critic" in methods.paragraph(results)) == (weights["total_correlation"] > 0)
        cited = {key for key, _ in methods.used_references(results)}
        assert ("mmd" in cited) == (name == "mm_cvae")


def test_age_sex_and_missing_values_are_shown_by_group(page: Page, folder: Path) -> None:
    assert "ADHD Index 10 of 30 10 of 30" in page.text
    assert re.search(r"age \d+\.\d \(\d\.\d\) \d+\.\d \(\d\.\d\) −?\d\.\d\d", page.text)
    assert re.search(r"sex: male \d+ \(\d+ %\) \d+ \(\d+ %\) −?\d\.\d\d", page.text)
    cohort = cohort_table()
    is_patient = cohort["group"] == "target"
    cohort["age"] += 9 * is_patient
    cohort["sex"] = is_patient.astype(int)
    write_tsv(cohort, folder / "cohort.tsv")
    said = " ".join(cautions.warnings(Results(folder)))
    assert "Patients are older than controls by" in said
    assert "100 % of patients and 0 % of controls are male" in said


def test_checklist_has_checksums_and_counts_images(page: Page) -> None:
    assert "e" * 64 in page.text
    assert "…/table.csv" in page.text
    assert "1 images and maps" in page.text
    assert "analysis.permutations" in page.text


@pytest.mark.parametrize(
    "absent",
    [
        "analysis",
        "checkpoints",
        "figures",
        "exclusions.tsv",
        "run.json",
        "cohort.json",
        "decoded.npz",
        "latents.tsv",
    ],
)
def test_a_section_without_its_files_is_left_out(folder: Path, absent: str) -> None:
    path = folder / absent
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    if absent == "analysis":  # analyse clears both
        shutil.rmtree(folder / "figures")
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "30 patients and 30 controls" in page.text
    if absent == "analysis":
        assert "rsa" not in {section.get("id") for section in page.all("section")}
    if absent == "figures":
        assert not page.all("img")


def test_cohort_alone_is_enough(tmp_path: Path) -> None:
    write_tsv(cohort_table().drop(columns=["site", "age", "sex"]), tmp_path / "cohort.tsv")
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/rsa.svg").write_text("of an earlier run")
    assert [path.stem for path in draw_figures(tmp_path)] == ["flow"]
    assert [path.name for path in (tmp_path / "figures").iterdir()] == ["flow.svg"]
    assert "30 patients" in Page(write_report(tmp_path).read_text(encoding="utf-8")).text


def test_no_cohort_is_a_clear_error(tmp_path: Path) -> None:
    assert draw_figures(tmp_path) == []
    with pytest.raises(InputError, match=r"no cohort\.tsv"):
        write_report(tmp_path)


def test_nothing_testable_is_said_with_its_reason(folder: Path) -> None:
    numbers = ["tau", "ci_low", "ci_high", "null_sd", "p_value", "p_fdr"]
    table = rsa_table().assign(**dict.fromkeys(numbers, np.nan), note="the variable does not vary")
    write_tsv(table, folder / "analysis/rsa.tsv")
    assert DRAWERS["rsa"](Results(folder)) is not None
    page = Page(write_report(folder).read_text(encoding="utf-8"))
    assert "(the variable does not vary)" in page.text
    assert "No variable could be tested" in page.text
    assert "nan" not in page.text.lower().split()


def test_left_out_counts_people_once_and_nobody_kept(folder: Path) -> None:
    extra = read_tsv(folder / "exclusions.tsv")
    extra.loc[len(extra)] = ["sub-77001", "prepare", "second_map", ""]
    write_tsv(extra, folder / "exclusions.tsv")
    assert count_left_out(Results(folder)) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("/home/a/b/c.tsv", "…/c.tsv"),
        ("file:///srv/x/y.db", "…/y.db"),
        (r"C:\Users\me\t.csv", "…/t.csv"),
        ("analysis/rsa.tsv", "analysis/rsa.tsv"),
        ("1/2", "1/2"),
    ],
)
def test_folders_are_taken_off_absolute_paths(value: str, text: str) -> None:
    assert methods.public(value) == text


def test_numbers_are_written_for_readers() -> None:
    assert (number(-0.0421), number(-0.0001), number(np.nan)) == ("−0.042", "0.000", "n/a")
    assert (probability(0.0004), probability(0.04), probability(None)) == ("< 0.001", "0.040", "n/a")
    assert (count(3.0), count(np.nan)) == ("3", "n/a")
    assert (interval(-0.1, 0.2), interval(np.nan, 1)) == ("−0.100 to 0.200", "n/a")
