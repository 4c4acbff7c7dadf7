"""The methods paragraph says what was done, and cites it."""

import re
from pathlib import Path

from adhd_cvae.config import ObjectiveConfig
from adhd_cvae.io import read_json, write_json
from pipelines.output_dir.results import Results
from pipelines.report import methods
from tests.pipelines.report.invented_report import Page, separation_table
from tests.pipelines.whole_tables import write_whole


def test_methods_are_ready_to_paste(plotted: Path, page: Page) -> None:
    results = Results(plotted)
    paragraph = methods.paragraph(results)
    assert paragraph in page.text
    assert "1000 permutations of participants within site" in paragraph
    assert "torch 2.13.0" in paragraph
    references = methods.used_references(results)
    cited = {int(number) for number in re.findall(r"\[(\d+)\]", paragraph)}
    assert cited == set(range(1, len(references) + 1))
    assert "10.1126/science.abm2461" in page.text


def test_methods_say_which_step_was_kept_where_it_was_measured(folder: Path) -> None:
    assert (
        "gain in likelihood, over 3 such parts, exceeded its standard error: training of the linear maps was"
        in methods.paragraph(Results(folder))
    )
    (folder / "checkpoints/earned.tsv").unlink()
    assert "gained likelihood" not in methods.paragraph(Results(folder))


def test_methods_say_how_everybody_was_held_out(folder: Path) -> None:
    dealt = "Participants were dealt into 5 folds, in proportion of site and group; each was held out once"
    assert dealt in methods.paragraph(Results(folder))
    run = read_json(folder / "run.json")
    run["recipe"]["cohort"] |= {"folds": "leave_site_out", "fold_groups": "family"}
    run["recipe"]["training"] |= {"fold_models": "linear"}
    write_json(run, folder / "run.json")
    text = methods.paragraph(Results(folder))
    assert "Each site was a fold, those of one family together; each was held out once" in text
    assert "the linear model, the only one fitted in folds." in text
    (folder / "folds.tsv").unlink()
    assert "held out" not in methods.paragraph(Results(folder))


def test_methods_say_how_patients_were_told_from_controls(folder: Path) -> None:
    text = methods.paragraph(Results(folder))
    assert (
        "permutations of the groups within site, the linear model of every fold fitted again each time."
        in text
    )
    assert "the model's decoded difference was not tested" in text
    table = separation_table(p=float("nan"))
    write_whole(table, folder / "analysis/separation.tsv")
    assert "fitted again" not in methods.paragraph(Results(folder))
    (folder / "folds.tsv").unlink()
    assert "Codes are in sample or unknown: without folds" in methods.paragraph(Results(folder))


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
    text = methods.paragraph(Results(folder))
    assert (
        "Beforehand, sites with one group only were left out; each patient was paired with one control by age and"
        in text
    )
    assert "numbers within 0.25 standard deviations" in text
    assert "cut at random to 2 times the smaller one." in text


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
