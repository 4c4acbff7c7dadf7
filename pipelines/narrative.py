"""Sentences built from the tables: what a run says, what it cannot say, and no more."""

import pandas as pd

from adhd_cvae.analysis.figure_style import SPACE_COLOURS, in_order, space_label
from pipelines.report_tables import best_components, number, probability, site_counts
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
    cohort = results.cohort
    if cohort is None:
        return ""
    patients, held_out = int((cohort["group"] == "target").sum()), int((cohort["split"] == "test").sum())
    sites = site_counts(results)
    where = f" from {counted(len(sites), 'site')}" if sites is not None else ""
    text = (
        f"{counted(patients, 'patient')} and {counted(len(cohort) - patients, 'control')}{where} were analysed; "
        f"{held_out} of them were held out of training."
    )
    if is_simulated(results):
        text = (
            "This cohort is simulated: effects were planted in it to see whether they come back. Nothing on this "
            "page is a finding about ADHD or about people. " + text
        )
    return text


def _similarity(results: Results) -> str:
    rsa = results.analysis("rsa")
    if rsa is None:
        return ""
    spaces = in_order(rsa["space"].tolist(), SPACE_COLOURS)
    tested, found = rsa["variable"].nunique(), rsa[rsa["p_fdr"] < 0.05]
    if found.empty:
        return (
            f"None of the {counted(tested, 'variable')} is related to any of the spaces beyond chance, once "
            "participants are permuted and the whole table is corrected for multiple testing (false discovery "
            "rate 5 %). That is not evidence of no relation; the intervals below say how large one could be."
        )
    told = []
    for space in spaces:
        rows = found[found["space"] == space]
        named = [f"{results.label(row.variable)} (τ = {number(row.tau)})" for row in rows.itertuples()]
        told.append(
            f"{len(rows)} in the {space_label(space)}{'' if space == 'vae' else ' space'}"
            + (f": {listed(named)}" if named else "")
        )
    return (
        f"Of {counted(tested, 'variable')}, those related to a space beyond chance, participants permuted and the "
        f"whole table corrected (false discovery rate 5 %), are {'; '.join(told)}. A positive τ says that "
        "participants who differ more in the variable lie farther apart in the space: a group-level association, "
        "neither a cause nor a prediction for one person."
    )


def _published(results: Results) -> str:
    rsa, published = results.analysis("rsa"), results.analysis("as_published")
    if rsa is None or published is None:
        return ""
    naive, honest = int((published["p_value"] < 0.05).sum()), int((rsa["p_fdr"] < 0.05).sum())
    return (
        f"The study's own statistic on the same latents calls {naive} of {len(published)} rows significant, where "
        f"permuting participants leaves {honest}: it counts draws of one model as if they were people "
        "(pseudo-replication), and is shown for comparison only."
    )


def _clusters(results: Results) -> str:
    best = best_components(results.analysis("mixture"))
    if best is None or "salient" not in best.index:
        return ""
    answers = best.loc["salient"].dropna().astype(int)
    if answers.nunique() == 1:
        return (
            f"In the salient space every form of mixture has its lowest BIC at "
            f"{counted(int(answers.iloc[0]), 'component')}."
        )
    forms = [f"{size} ({form})" for form, size in answers.items()]
    return (
        f"How many clusters the salient space has is not settled: the lowest BIC is at {listed(forms)} components, "
        "depending on the covariance form assumed."
    )


def _recovery(results: Results) -> str:
    recovery = results.analysis("recovery")
    if recovery is None:
        return ""
    rows = recovery[recovery["split"] == "test"] if (recovery["split"] == "test").any() else recovery
    rows = rows[rows["metric"] == rows["metric"].iloc[0]]
    told = []
    for factor, scores in rows.groupby("factor", sort=False):
        spaces = [f"{number(row.score, 2)} from {space_label(str(row.space))}" for row in scores.itertuples()]
        told.append(f"{str(factor).replace('_', ' ')}: {', '.join(spaces)}")
    return f"Recovery of the planted factors ({rows['metric'].iloc[0]}): {'; '.join(told)}."


def confounding(results: Results) -> list[str]:
    """What site and diagnosis share, and which contrasts that leaves unidentified."""
    counts = site_counts(results)
    if counts is None:
        return []
    only = {
        word: [str(name) for name, row in counts.iterrows() if row[other] == 0 and row[group] > 0]
        for group, other, word in (("target", "background", "patients"), ("background", "target", "controls"))
    }
    said = []
    if not ((counts["target"] > 0) & (counts["background"] > 0)).any():
        said.append(
            "No site has both groups: in this cohort no difference between patients and controls can be told from "
            "a difference between scanners."
        )
    for word, names in only.items():
        if names:
            size = int(counts.loc[names].to_numpy().sum())
            said.append(
                f"{listed(names)} {'has' if len(names) == 1 else 'have'} {word} only "
                f"({counted(size, 'participant')}): patients against controls is not identified there, and any "
                "contrast that includes them rests on comparing scanners."
            )
    smaller = counts.min(axis=1)
    hardly = [f"{name} ({int(size)})" for name, size in smaller.items() if 0 < size < 5]
    if hardly:
        said.append(f"Hardly identified, with fewer than five in the smaller group: {listed(hardly)}.")
    return said or ["Every site has at least five participants of each group."]


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
    if results.cohort is None:
        return []
    said = []
    for group, word in (("target", "patients"), ("background", "controls")):
        members = results.cohort[results.cohort["group"] == group]
        held_out = int((members["split"] == "test").sum())
        if len(members) < FEW:
            said.append(f"Only {len(members)} {word}: intervals are wide and a null result says little.")
        if held_out < FEW_HELD_OUT:
            said.append(f"Only {held_out} {word} held out: held-out figures hang on a few people.")
    return said


def _imbalance(results: Results) -> list[str]:
    cohort = results.cohort
    if cohort is None:
        return []
    patients, controls = (cohort[cohort["group"] == group] for group in ("target", "background"))
    said = []
    if "age" in cohort and cohort["age"].std() > 0:
        gap = (patients["age"].mean() - controls["age"].mean()) / cohort["age"].std()
        if abs(gap) > 0.25:
            older = "older" if gap > 0 else "younger"
            said.append(f"Patients are {older} than controls by {number(abs(gap), 2)} standard deviations of age.")
    if "sex" in cohort and cohort["sex"].nunique() == 2:
        code = sorted(cohort["sex"].dropna().unique(), key=str)[-1]
        shares = [100 * float((part["sex"].dropna() == code).mean()) for part in (patients, controls)]
        if abs(shares[0] - shares[1]) > 10:
            said.append(
                f"Sex differs by group: {shares[0]:.0f} % of patients and {shares[1]:.0f} % of controls are "
                f"{results.level('sex', code)}; differences between groups are partly differences between sexes."
            )
    return said


def _missing_values(results: Results) -> list[str]:
    cohort = results.cohort
    if cohort is None:
        return []
    patients = cohort[cohort["group"] == "target"]
    shares = {name: float(patients[name].isna().mean()) for name in results.scales if name in patients}
    named = [f"{results.label(name)} ({100 * share:.0f} %)" for name, share in shares.items() if share > 0.2]
    return [f"More than a fifth of the patients have no value of {listed(named)}."] if named else []


def _instruments(results: Results) -> list[str]:
    cohort = results.cohort
    raw = [name for name in ("adhd_index", "inattentive", "hyper_impulsive") if name in results.scales]
    if cohort is None or not raw or "adhd_measure" not in cohort:
        return []
    used = cohort.loc[cohort["group"] == "target", "adhd_measure"].dropna().nunique()
    if used < 2:
        return []
    return [
        f"{listed([results.label(name) for name in raw])}: raw scores of {used} instruments with different scales are "
        "pooled; the versions standardised within instrument (ending in _z) compare."
    ]


def _not_testable(results: Results) -> list[str]:
    rsa = results.analysis("rsa")
    if rsa is None:
        return []
    empty = rsa[rsa["p_value"].isna()]
    reasons = empty.get("note", pd.Series(dtype=object))
    named = dict.fromkeys(results.label(name) for name in empty["variable"])
    said = "; ".join(dict.fromkeys(str(reason) for reason in reasons.dropna()))
    return [f"Not testable in at least one space: {listed(list(named))}{f' ({said})' if said else ''}."] if named else []


def _training(results: Results) -> list[str]:
    if results.history is None:
        return []
    said = [str(line) for line in results.run.get("training_warnings", [])]
    for model, word in (("cvae", "contrastive VAE"), ("vae", "plain VAE")):
        rows = results.history[results.history["model"] == model]
        losses = rows["test_loss"].reset_index(drop=True)
        if len(losses) and losses.notna().any() and losses.idxmin() == len(losses) - 1:
            said.append(f"The {word}'s held-out loss was still falling at the last epoch: it was stopped early.")
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
