"""The files of citations: what a run used, and nothing else."""

import re
from pathlib import Path

import pytest

from adhd_cvae.config import ObjectiveConfig
from adhd_cvae.io import read_json, write_json
from pipelines.output_dir.results import Results
from pipelines.report.citation import bibtex, write_citation
from pipelines.report.methods import REFERENCES, paragraph

SETTINGS = {
    "combat": {"cohort": {"harmonise": "combat"}},
    "combat_brains": {"cohort": {"harmonise": "combat"}},
    "ica": {"model": {"start": "ica"}},
    "pcpca": {"model": {"start": "pcpca"}},
    "mmd": {"objective": ObjectiveConfig.model_validate({"name": "mm_cvae"}).model_dump()},
    "unbiased_hsic": {"objective": ObjectiveConfig.model_validate({"name": "hsic"}).model_dump()},
}
"""What brings a reference that the run does not have by itself."""
TABLES = {
    "umap": ["umap"],
    "rsa": ["rsa"],
    "silhouette": ["silhouette"],
    "mixture": ["schwarz"],
    "mixture_test": ["mclachlan"],
    "independence": ["hsic"],
    "separation": ["bickel", "berrett"],
}
"""Without the table its method was not used."""


def cited(folder: Path) -> list[str]:
    write_citation(Results(folder))
    return re.findall(
        r"^@\w+\{(\w+),", (folder / "logs/CITATION.bib").read_text(encoding="utf-8"), re.MULTILINE
    )


def with_settings(folder: Path, changes: dict[str, dict]) -> None:
    run = read_json(folder / "run.json")
    for section, values in changes.items():
        run["recipe"].setdefault(section, {}).update(values)
    write_json(run, folder / "run.json")


def test_the_paragraph_stands_above_its_numbered_references(folder: Path) -> None:
    keys = cited(folder)
    text = (folder / "logs/CITATION.md").read_text(encoding="utf-8")
    assert paragraph(Results(folder)) in text
    for number, key in enumerate(keys, start=1):
        assert f"\n{number}. {REFERENCES[key]}\n" in text
        assert f"[{number}" in text or f", {number}]" in text
    assert f"\n{len(keys) + 1}. " not in text


@pytest.mark.parametrize("key", SETTINGS)
def test_what_a_setting_asks_for_is_cited_with_it_alone(folder: Path, key: str) -> None:
    assert key not in cited(folder)
    with_settings(folder, SETTINGS[key])
    assert key in cited(folder)


@pytest.mark.parametrize("table", TABLES)
def test_what_a_table_shows_is_cited_with_it_alone(folder: Path, table: str) -> None:
    assert {*TABLES[table]} <= {*cited(folder)}
    (folder / f"analysis/{table}.tsv").unlink()
    assert not {*TABLES[table]} & {*cited(folder)}


def test_the_comparison_and_the_critic_are_cited_where_they_were_trained(folder: Path) -> None:
    with_settings(folder, {"training": {"vae": True}, "objective": {"total_correlation": 1}})
    assert {"vae", "factor_vae"} <= {*cited(folder)}
    with_settings(folder, {"training": {"vae": False}, "objective": {"total_correlation": 0}})
    assert not {"vae", "factor_vae"} & {*cited(folder)}


def test_borrowed_anatomy_is_named_where_it_was_borrowed(folder: Path) -> None:
    cited(folder)
    assert "borrowed" not in (folder / "logs/CITATION.md").read_text(encoding="utf-8")
    with_settings(folder, {"cohort": {"background_from": ["elsewhere"]}})
    cited(folder)
    assert "borrowed by linear models" in (folder / "logs/CITATION.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("key", REFERENCES)
def test_every_reference_becomes_an_entry(key: str) -> None:
    entry = bibtex(key, REFERENCES[key])
    assert entry.startswith(("@article{", "@misc{"))
    assert all(f"  {name} = {{" in entry for name in ("author", "title", "year"))
    assert entry.count("{") == entry.count("}")
    numbers = re.findall(r"(?:doi|arXiv):(\S+)", REFERENCES[key])
    assert all(f"{{{number.rstrip(',')}}}" in entry for number in numbers)


def test_an_entry_has_what_its_reference_says() -> None:
    assert bibtex("hsic", REFERENCES["unbiased_hsic"]) == (
        "@article{hsic,\n"
        "  author = {Song, L. and Smola, A. and Gretton, A. and Bedo, J. and Borgwardt, K.},\n"
        "  title = {{Feature selection via dependence maximization}},\n"
        "  year = {2012},\n"
        "  journal = {Journal of Machine Learning Research},\n"
        "  volume = {13},\n"
        "  pages = {1393--1434},\n"
        "}\n"
    )
    with pytest.raises(ValueError, match="is not written as"):
        bibtex("x", "Somebody wrote something somewhere")
