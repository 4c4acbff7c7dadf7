"""Whether patients are told from controls, out of fold: the page's first sentence."""

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from adhd_cvae.analysis.group_measures import ACCURACY, AUC, BEYOND
from adhd_cvae.analysis.refits import applied
from adhd_cvae.analysis.separation import COVARIATES, SUPERVISED, UNIDENTIFIED
from adhd_cvae.figures import latents
from adhd_cvae.names import ALPHA, BACKGROUND, SALIENT, rows_of, space_label, units_in
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, interval, listed, number, probability
from pipelines.report.section import TableWords, from_table, read_section, sentences_of, words_of

sentence = sentences_of(__file__)
LINEAR = "linear_"
"""Starts the name of a space of the linear models of folds, where the codes are of networks."""
MEASURES = (AUC, ACCURACY, BEYOND)


@from_table("separation")
def summary(results: Results, table: pd.DataFrame) -> str:
    """Whether patients are told from controls, null results included, and whether z leaks."""
    found = _everybody(table)
    background = _tested(found, BACKGROUND)
    leaks = background is not None and background["p_value"] <= ALPHA
    return " ".join([_verdict(results, found), *([sentence("leaks")] if leaks else [])])


@from_table("separation")
def headline(results: Results, table: pd.DataFrame) -> tuple[str, str] | None:
    """The AUC of s with its interval, and its p; None where it is not known out of fold."""
    found = _everybody(table)
    row = _tested(found, SALIENT) or found.get((SALIENT, AUC))
    if row is None:
        return None
    ends = interval(row["ci_low"], row["ci_high"], 2) if pd.notna(row["ci_low"]) else ""
    return number(row["value"], 2) + (f" ({ends})" if ends else ""), probability(row["p_value"])


@from_table("separation")
def beside_covariates(results: Results, table: pd.DataFrame) -> str:
    """What covariates alone reach, and what s reaches beyond them."""
    return _beside(results, _everybody(table), (COVARIATES, BEYOND))


@from_table("separation")
def _sentences(results: Results, table: pd.DataFrame) -> list[str]:
    """What the first sentences leave out: what else tells the groups, whether z leaks, which codes have no p."""
    found = _everybody(table)
    if not found:
        return [sentence("unknown")]
    beside = _beside(results, found, (COVARIATES, SUPERVISED, BEYOND))
    how = (
        beside,
        sentence("one_participant"),
        sentence("how"),
        sentence("refits") if _tested(found, SALIENT) else "",
    )
    paragraphs, background = [" ".join(filter(None, how))], _tested(found, BACKGROUND)
    if background is not None:
        paragraphs.append(_of_background(background))
    without = [_label(space) for (space, measure), row in found.items() if measure == AUC and _lacks_p(row)]
    without = [] if any(map(_is_unidentified, found.values())) else without
    return [*paragraphs, *([sentence("without_p", spaces=listed(without))] if without else [])]


def _everybody(table: pd.DataFrame) -> dict[tuple[str, str], dict[str, Any]]:
    """Space and measure to the row of everybody, of those that are out of fold."""
    rows = rows_of(pd.DataFrame(table[table["site"].isna() & table["value"].notna()]))
    return {(str(row["space"]), str(row["measure"])): row for row in rows}


def _lacks_p(row: dict[str, Any]) -> bool:
    return bool(pd.isna(row["p_value"]))


def _is_unidentified(row: dict[str, Any]) -> bool:
    return UNIDENTIFIED in str(row["note"])


def _tested(found: dict[tuple[str, str], dict[str, Any]], space: str) -> dict[str, Any] | None:
    """The AUC of a space, or of the linear model's in its place, that has a p-value."""
    rows = (found.get((name, AUC)) for name in (space, LINEAR + space))
    return next((row for row in rows if row is not None and not _lacks_p(row)), None)


def _verdict(results: Results, found: dict[tuple[str, str], dict[str, Any]]) -> str:
    own, tested = found.get((SALIENT, AUC)), _tested(found, SALIENT)
    if tested is None:
        if own is None:
            return sentence("unknown")
        column = results.setting("analysis.permute_within")
        stratum = results.label(column).lower() if column else "stratum"
        return sentence(
            "unidentified" if _is_unidentified(own) else "untested", **_value(own), stratum=stratum
        )
    is_own = tested["space"] == SALIENT
    column = results.setting("analysis.permute_within")
    within = sentence("within", column=results.label(column).lower()) if column else ""
    words = {"chance": number(tested["null_mean"], 2), "p": probability(tested["p_value"]), "within": within}
    models = "models" if is_own else "linear models"
    text = sentence("found", models=models, **_value(tested), **words)
    verdict = sentence("apart" if tested["p_value"] <= ALPHA else "not_apart", found=text)
    return verdict if is_own or own is None else f"{verdict} {sentence('deep', **_value(own))}"


def _value(row: dict[str, Any]) -> dict[str, str]:
    """The value, and its interval where there is one."""
    known = pd.notna(row["ci_low"])
    ends = sentence("interval", interval=interval(row["ci_low"], row["ci_high"], 2)) if known else ""
    return {"value": number(row["value"], 2), "interval": ends}


def _beside(results: Results, found: dict[tuple[str, str], dict[str, Any]], asked: Collection[str]) -> str:
    """What covariates (`COVARIATES`) and a supervised classifier (`SUPERVISED`) reach, and what s adds (`BEYOND`)."""
    names = [*([results.site] if results.site is not None else []), *results.covariates]
    named, several = listed([results.label(name) for name in names]), len(names) > 1
    keys = {
        (COVARIATES, AUC): "covariates" if several else "one_covariate",
        (SUPERVISED, AUC): "supervised",
        (SALIENT, BEYOND): "beyond" if several else "beyond_one",
    }
    parts = [
        sentence(words, covariates=named, value=number(row["value"], 2), p=_in_brackets(row))
        for key, words in keys.items()
        if (row := found.get(key)) is not None and not {*key}.isdisjoint(asked)
    ]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _in_brackets(row: dict[str, Any]) -> str:
    if _lacks_p(row):
        return ""
    return sentence("chance", chance=number(row["null_mean"], 2), p=probability(row["p_value"]))


def _of_background(row: dict[str, Any]) -> str:
    words = {"value": number(row["value"], 2), "p": probability(row["p_value"])}
    return sentence("leak" if row["p_value"] <= ALPHA else "no_leak", **words)


def _label(space: str) -> str:
    return words_of(__file__)["spaces"].get(space) or space_label(space)


def _cells(rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Columns of a line of the table, from the rows of its measures."""
    cells: dict[str, Any] = {}
    for measure in MEASURES:
        row = rows.get(measure, dict.fromkeys(("value", "ci_low", "ci_high", "null_mean", "p_value")))
        ends = interval(row["ci_low"], row["ci_high"], 2) if pd.notna(row["ci_low"]) else ""
        cells[measure] = number(row["value"], 2) + (f" ({ends})" if ends else "")
        cells |= {f"{measure}_chance": row["null_mean"], f"{measure}_p": row["p_value"]}
    return {**cells, "n": rows[AUC]["n"]}


@from_table("separation")
def _separation_table(results: Results, table: pd.DataFrame) -> ReportTable | None:
    """Spaces by measures, of everybody."""
    found = _everybody(table)
    spaces = dict.fromkeys(space for space, measure in found if measure == AUC)
    words = TableWords.of(__file__, "separation")
    measures = [measure for measure in MEASURES if any(key[1] == measure for key in found)]
    words = words.without([column.name for column in words.columns if _measure(column.name) not in measures])
    counts = [[_measure(column.name) for column in words.columns].count(measure) for measure in measures]
    rows = [
        [_label(space), *words.cells(_cells({m: found[space, m] for m in measures if (space, m) in found}))]
        for space in spaces
    ]
    headings = [words_of(__file__)["measures"][measure] for measure in measures]
    spans = (("", 1), *zip(headings, counts, strict=True))
    return replace(words.shown({"": rows}, ""), spans=spans) if rows else None


def _measure(column: str) -> str:
    """The measure that a column of the table is of."""
    return column.removesuffix("_chance").removesuffix("_p")


@from_table("separation")
def _sites_table(results: Results, table: pd.DataFrame) -> ReportTable | None:
    """The AUC at each site; folded away."""
    known = pd.DataFrame(table[table["site"].notna() & table["value"].notna()])
    words = TableWords.of(__file__, "sites")
    blocks: dict[str, list[list[str]]] = {}
    for row in rows_of(known):
        site = row["site"] if results.site is None else results.named_level(results.site, _code(row["site"]))
        blocks.setdefault(_label(row["space"]), []).append([str(site), *words.cells(_cells({AUC: row}))])
    return words.shown(blocks, "site") if blocks else None


def _code(site: Any) -> Any:
    """A site's code as the cohort has it; a column of codes and gaps is read as decimals."""
    return int(site) if isinstance(site, float) and site.is_integer() else site


@from_table("separation")
def _optimism_table(results: Results, table: pd.DataFrame) -> ReportTable | None:
    """Numbers in sample beside those out of fold; the only place on the page that has them."""
    rows = rows_of(pd.DataFrame(table[table["in_sample"].notna() & (table["measure"] == AUC)]))
    known = [row for row in rows if pd.notna(row["value"])]
    words = TableWords.of(__file__, "optimism" if known else "unknown")
    lines = [[_label(row["space"]), *words.cells(row)] for row in known or rows]
    gaps = {"worst": _optimism(known[0])} if known else {}
    return words.shown({"": lines}, "space", **gaps) if rows else None


def _optimism(row: dict[str, Any]) -> str:
    pair = (number(row["in_sample"], 2), number(row["value"], 2))
    return f"{_label(row['space'])} has an AUC of {pair[0]} in sample and of {pair[1]} out of fold"


def _held_out_scores(results: Results) -> Figure | None:
    table, weights = results.out_of_fold, results.fold_arrays.get(f"{SALIENT}_discriminant")
    if table is None or weights is None:
        return None
    codes = table[units_in(table.columns, SALIENT)].to_numpy(float)
    place = np.searchsorted(results.fold_arrays["folds"], table["fold"].to_numpy())
    scores = np.array([applied(weights[fold], code) for fold, code in zip(place, codes, strict=True)])
    return latents.held_out_scores(table[["group", "fold"]].assign(score=scores))


SECTION = read_section(
    __file__,
    {"held_out_scores": _held_out_scores},
    sentences=_sentences,
    tables=(_separation_table, _optimism_table, _sites_table),
)
