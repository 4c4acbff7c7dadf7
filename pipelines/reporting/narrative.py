"""Sentences built from the tables: what a run says, and no more."""

from typing import Any

import pandas as pd

from adhd_cvae.analysis.claims import VERDICTS
from adhd_cvae.analysis.confounding import cramers_v
from adhd_cvae.analysis.confounding_words import (
    association_sentence,
    counted,
    difference_sentence,
    listed,
    share_sentence,
    site_sentences,
)
from adhd_cvae.analysis.figure_style import SPACE_COLOURS, in_order, rows_of, space_label
from adhd_cvae.analysis.mixture_test import mixture_test_sentence
from pipelines.reporting.cohort_tables import group_differences, site_counts, values_by_key
from pipelines.reporting.formats import number, probability
from pipelines.reporting.report_tables import best_components
from pipelines.reporting.results import Results


def is_simulated(results: Results) -> bool:
    """Whether a planted truth is known: only a simulated cohort has one."""
    return results.analysis("recovery") is not None


def summary(results: Results) -> list[str]:
    """The page's first paragraph, one sentence group an entry."""
    makers = (_who, _claims, _similarity, _published, _clusters, _recovery)
    parts = [make(results) for make in makers]
    return [part for part in parts if part]


def _who(results: Results) -> str:
    if results.cohort is None:
        return ""
    patients, controls = (len(results.members(group=group)) for group in ("target", "background"))
    held_out = len(results.members(split="test"))
    sites = site_counts(results)
    where = f" from {counted(len(sites), 'site')}" if sites is not None else ""
    text = (
        f"{counted(patients, 'patient')} and {counted(controls, 'control')}{where} were analysed; "
        f"{held_out} of them were held out of the models' training."
    )
    if is_simulated(results):
        text = (
            "This cohort is simulated: effects were planted in it to see whether they come back. "
            "Nothing on this page is a finding about ADHD or about people. " + text
        )
    return text


def _similarity(results: Results) -> str:
    rsa = results.analysis("rsa")
    if rsa is None:
        return ""
    rows = [row for row in rows_of(rsa) if pd.notna(row["p_fdr"])]
    if not rows:
        return "No variable could be tested for a relation to any of the spaces; the reasons are below."
    tested, found = len({row["variable"] for row in rows}), [row for row in rows if row["p_fdr"] < 0.05]
    if not found:
        return (
            f"None of the {counted(tested, 'variable')} is related to any of the spaces beyond chance, once "
            "participants are permuted and the whole table is corrected for multiple testing (false "
            "discovery rate 5 %). That is not evidence of no relation; the intervals below say how large "
            "one could be."
        )
    told = []
    for space in in_order(rsa["space"].tolist(), SPACE_COLOURS):
        named = [
            f"{results.label(row['variable'])} (τ = {number(row['tau'])})"
            for row in found
            if row["space"] == space
        ]
        place = f"{space_label(space)}{'' if space == 'vae' else ' space'}"
        told.append(f"{len(named) or 'none'} in the {place}{': ' + listed(named) if named else ''}")
    return (
        f"Of {counted(tested, 'variable')}, those related to a space beyond chance, participants permuted "
        f"and the whole table corrected (false discovery rate 5 %), are {'; '.join(told)}. A positive τ says "
        "that participants who differ more in the variable lie farther apart in the space: a group-level "
        "association, neither a cause nor a prediction for one person."
    )


def _claims(results: Results) -> str:
    claims = results.analysis("claims")
    if claims is None:
        return ""
    verdicts = claims["verdict"].astype(str).tolist()
    told = [f"{verdicts.count(verdict)} {verdict}" for verdict in VERDICTS if verdict in verdicts]
    return f"Of the study's {counted(len(verdicts), 'claim')}, judged by this cohort, {listed(told)}."


def _published(results: Results) -> str:
    rsa, published = results.analysis("rsa"), results.analysis("as_published")
    if rsa is None or published is None:
        return ""
    naive = sum(row["p_value"] < 0.05 for row in rows_of(published))
    honest = sum(row["p_fdr"] < 0.05 for row in rows_of(rsa))
    return (
        f"The study's own statistic on the same latents calls {naive} of {len(published)} rows significant, "
        f"where "
        f"permuting participants leaves {honest}: it counts draws of one model as if they were people "
        "(pseudo-replication), and is shown for comparison only."
    )


def _clusters(results: Results) -> str:
    best = best_components(results.analysis("mixture"))
    if best is None or "salient" not in best.index:
        return ""
    answers = best.loc["salient"].dropna().astype(int)
    if len(set(answers)) == 1:
        return (
            f"In the salient space every form of mixture has its lowest BIC at "
            f"{counted(int(answers.iloc[0]), 'component')}."
        )
    said = [
        f"{counted(size, 'component')} with {listed(list(answers.index[answers == size]))} covariances"
        for size in sorted(set(answers))
    ]
    return f"How many clusters the salient space has is not settled: the lowest BIC is at {listed(said)}."


def _recovery(results: Results) -> str:
    recovery = results.analysis("recovery")
    if recovery is None:
        return ""
    told = {}
    for row in rows_of(recovery):
        held_out = (row["metric"], row["split"]) == ("r", "test") and pd.notna(row["score"])
        if held_out and row["space"] in _COMPARED:
            score = f"{number(row['score'], 2)} from {space_label(row['space'])}"
            told.setdefault(str(row["factor"]).replace("_", " "), []).append(score)
    if not told:
        return "Recovery of the planted factors could not be scored in held-out patients; the table says why."
    factors = "; ".join(f"{factor}: {', '.join(scores)}" for factor, scores in told.items())
    return f"Recovery of the planted factors in held-out patients (correlation r): {factors}."


_COMPARED = ("salient", "background", "contrastive_pca")


def confounding(results: Results) -> list[str]:
    """What site and diagnosis share, and which contrasts that leaves unidentified."""
    counts = site_counts(results)
    if counts is None:
        return ["The cohort has no site: whether site and group go together is not known."]
    association = association_sentence(cramers_v(counts))
    return [*site_sentences(counts), *([association] if association else [])]


def imbalance(results: Results) -> list[str]:
    """Say where age or sex differ between the groups."""
    value = values_by_key(group_differences(results))
    said = [difference_sentence("age", value.get(("age", None, "difference", None), float("nan")))]
    levels = [level for name, level, statistic, _ in value if (name, statistic) == ("sex", "difference")]
    if len(levels) == 2:
        shares = (value["sex", levels[1], "share", "target"], value["sex", levels[1], "share", "background"])
        difference = value["sex", levels[1], "difference", None]
        said.append(share_sentence("sex", results.named_level("sex", levels[1]), shares, difference))
    return [sentence for sentence in said if sentence]


def clusters(results: Results) -> list[str]:
    """Whether one Gaussian is enough for each space, by the bootstrap test."""
    table = results.analysis("mixture_test")
    return [] if table is None else [mixture_test_sentence(table, _SPACE_WORDS)]


_SPACE_WORDS = {"salient": "the salient space", "background": "the background space", "vae": "the plain VAE"}


def voxels(results: Results) -> list[str]:
    """How many voxels tell patients from their twins, and what such a test is worth."""
    table = results.analysis("voxelwise")
    if table is None:
        return []
    tests = "; ".join(
        f"{_share_of_voxels(row)} {_contrast(results, row['variable'])} (least p {probability(row['p_value'])})"
        for row in rows_of(table)
    )
    return [
        f"Voxel by voxel, corrected for all of them by the largest statistic over permutations: {tests}. These tests "
        "take the model's decoding for granted: they say where s acts, not that the anatomy itself was measured to "
        "differ. Every voxel moves along the few directions of s, so that one strong direction passes nearly "
        "everywhere: read the size of the change for where it is."
    ]


def _share_of_voxels(row: dict[str, Any]) -> str:
    if not row["significant"]:
        return "no voxels"
    share = 100 * row["significant"] / row["voxels"]
    return f"{'less than 1' if share < 1 else number(share, 0)}\N{NO-BREAK SPACE}% of voxels"


def _contrast(results: Results, variable: Any) -> str:
    if isinstance(variable, str):
        return f"vary with {results.label(variable)} among patients"
    return "differ between patients and their background twins"
