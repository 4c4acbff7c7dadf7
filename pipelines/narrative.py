"""Sentences built from the tables: what a run says, what it cannot say, and no more."""

import numpy as np
import pandas as pd

from adhd_cvae.analysis.figure_style import SPACE_COLOURS, in_order, rows_of, space_label
from pipelines.cohort_tables import site_counts
from pipelines.formats import number, probability
from pipelines.report_tables import best_components
from pipelines.results import Results

FEW = 30
"""Participants of a group below which a warning is given."""
FEW_HELD_OUT = 10


def listed(words: list[str]) -> str:
    """Words with commas and a last 'and'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def counted(size: int, one: str, many: str | None = None) -> str:
    """A number with its noun."""
    return f"{size} {one if size == 1 else many or one + 's'}"


def is_simulated(results: Results) -> bool:
    """Whether a planted truth is known: only a simulated cohort has one."""
    return results.analysis("recovery") is not None


def summary(results: Results) -> list[str]:
    """The page's first paragraph, one sentence group an entry."""
    parts = [_who(results), _similarity(results), _published(results), _clusters(results), _recovery(results)]
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
    forms = [f"{size} ({form})" for form, size in answers.items()]
    return (
        f"How many clusters the salient space has is not settled: the lowest BIC is at {listed(forms)} "
        f"components, "
        "depending on the covariance form assumed."
    )


def _recovery(results: Results) -> str:
    recovery = results.analysis("recovery")
    if recovery is None:
        return ""
    told = {}
    for row in rows_of(recovery):
        if (row["metric"], row["split"]) == ("r", "test") and row["space"] in _COMPARED:
            score = f"{number(row['score'], 2)} from {space_label(row['space'])}"
            told.setdefault(str(row["factor"]).replace("_", " "), []).append(score)
    if not told:
        return ""
    factors = "; ".join(f"{factor}: {', '.join(scores)}" for factor, scores in told.items())
    return f"Recovery of the planted factors in held-out patients (correlation r): {factors}."


_COMPARED = ("salient", "background", "contrastive_pca")


def confounding(results: Results) -> list[str]:
    """What site and diagnosis share, and which contrasts that leaves unidentified."""
    counts = site_counts(results)
    if counts is None:
        return []
    sites = [(str(name), *pair) for name, *pair in counts[["target", "background"]].itertuples(name=None)]
    said = []
    if not any(patients and controls for _, patients, controls in sites):
        said.append(
            "No site has both groups: in this cohort no difference between patients and controls can be "
            "told from a difference between scanners."
        )
    for word, names in (
        ("patients", [(name, patients) for name, patients, controls in sites if not controls]),
        ("controls", [(name, controls) for name, patients, controls in sites if not patients]),
    ):
        if names:
            size = sum(number_there for _, number_there in names)
            said.append(
                f"{listed([name for name, _ in names])} {'has' if len(names) == 1 else 'have'} {word} only "
                f"({counted(size, 'participant')}): patients against controls is not identified there, and "
                "any contrast that includes them rests on comparing scanners."
            )
    hardly = [f"{name} ({min(pair)})" for name, *pair in sites if 0 < min(pair) < 5]
    if hardly:
        said.append(f"Hardly identified, with fewer than five in the smaller group: {listed(hardly)}.")
    return said or ["Every site has at least five participants of each group."]


def voxels(results: Results) -> list[str]:
    """Whether any voxel tells patients from their twins, and what such a test is worth."""
    if not results.paths.table("peaks").is_file():
        return []
    found = (
        "No voxel differs between patients and their background twins"
        if results.analysis("peaks") is None
        else "Some voxels differ between patients and their background twins"
    )
    return [
        f"{found} after correction for all voxels (largest statistic over permutations, p < 0.05). The test "
        "takes the model's decoding for granted: it says where s acts, not that the anatomy itself was "
        "measured to differ."
    ]


def warnings(results: Results) -> list[str]:
    """Where the data cannot answer."""
    return [
        *_small_groups(results),
        *(line for line in confounding(results) if "not identified" in line or "No site" in line),
        *_imbalance(results),
        *_missing_values(results),
        *_instruments(results),
        *_not_testable(results),
        *_training(results),
        *_dependence(results),
    ]


def _small_groups(results: Results) -> list[str]:
    said = []
    for group, word in (("target", "patients"), ("background", "controls")):
        size, held_out = len(results.members(group=group)), len(results.members(group=group, split="test"))
        if size < FEW:
            said.append(f"Only {size} {word}: intervals are wide and a null result says little.")
        if held_out < FEW_HELD_OUT:
            said.append(f"Only {held_out} {word} held out: held-out figures hang on a few people.")
    return said


def _imbalance(results: Results) -> list[str]:
    cohort, patients, controls = (results.members(**of) for of in ({}, _PATIENTS, _CONTROLS))
    said = []
    ages = [part["age"].dropna().to_numpy(float) for part in (patients, controls) if "age" in part]
    if all(len(age) > 1 for age in ages) and ages and np.std(np.concatenate(ages)) > 0:
        gap = (np.mean(ages[0]) - np.mean(ages[1])) / np.std(np.concatenate(ages))
        if abs(gap) > 0.25:
            older = "older" if gap > 0 else "younger"
            said.append(
                f"Patients are {older} than controls by {number(abs(gap), 2)} standard deviations of age."
            )
    codes = sorted(set(cohort["sex"].dropna()), key=str) if "sex" in cohort else []
    if len(codes) == 2:
        shares = [100 * float((part["sex"].dropna() == codes[1]).mean()) for part in (patients, controls)]
        if abs(shares[0] - shares[1]) > 10:
            said.append(
                f"Sex differs by group: {shares[0]:.0f} % of patients and {shares[1]:.0f} % of controls are "
                f"{results.named_level('sex', codes[1])}; differences between groups are partly differences "
                "between sexes."
            )
    return said


_PATIENTS = {"group": "target"}
_CONTROLS = {"group": "background"}


def _missing_values(results: Results) -> list[str]:
    patients = results.members(group="target")
    if patients.empty:
        return []
    shares = {name: np.mean(patients[name].isna()) for name in results.scales if name in patients}
    named = [f"{results.label(name)} ({100 * share:.0f} %)" for name, share in shares.items() if share > 0.2]
    return [f"More than a fifth of the patients have no value of {listed(named)}."] if named else []


def _instruments(results: Results) -> list[str]:
    patients = results.members(group="target")
    raw = [name for name in ("adhd_index", "inattentive", "hyper_impulsive") if name in results.scales]
    if not raw or "adhd_measure" not in patients:
        return []
    used = len(set(patients["adhd_measure"].dropna()))
    if used < 2:
        return []
    return [
        f"{listed([results.label(name) for name in raw])}: raw scores of {used} instruments with different "
        f"scales are "
        "pooled; the versions standardised within instrument (ending in _z) compare."
    ]


def _not_testable(results: Results) -> list[str]:
    rsa = results.analysis("rsa")
    if rsa is None:
        return []
    empty = [row for row in rows_of(rsa) if pd.isna(row["p_value"])]
    named = dict.fromkeys(results.label(row["variable"]) for row in empty)
    reasons = dict.fromkeys(str(row["note"]) for row in empty if isinstance(row.get("note"), str))
    why = f" ({'; '.join(reasons)})" if reasons else ""
    return [f"Not testable in at least one space: {listed(list(named))}{why}."] if named else []


def _training(results: Results) -> list[str]:
    if "training_warnings" in results.run:
        return [str(line) for line in results.run["training_warnings"]]
    said = []
    rows = [] if results.history is None else rows_of(results.history)
    for model, word in (("cvae", "contrastive VAE"), ("vae", "plain VAE")):
        losses = [row.get("validation_loss", row.get("test_loss")) for row in rows if row["model"] == model]
        losses = np.array(losses, dtype=float)
        if np.isfinite(losses).any() and np.nanargmin(losses) == len(losses) - 1:
            said.append(
                f"The {word}'s loss was still falling at the last epoch: longer training may change it."
            )
    return said


def _dependence(results: Results) -> list[str]:
    table = results.analysis("independence")
    if table is None or "p_value" not in table:
        return []
    dependent = table[table["p_value"] < 0.05]
    if dependent.empty:
        return []
    least = probability(dependent["p_value"].min())
    return [f"The salient and the background space are not independent (permutation p {_equals(least)})."]


def _equals(p_text: str) -> str:
    return p_text if p_text.startswith("<") else f"= {p_text}"
