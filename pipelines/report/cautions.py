"""Sentences built from the tables about what these data cannot answer."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from adhd_cvae.names import ALPHA, GROUP_LABELS, TARGET, rows_of
from pipelines.output_dir.results import Results
from pipelines.report.formatting import listed, probability
from pipelines.report.section import from_table, sentences_of
from pipelines.report.sections.confounding import contrasts, imbalance

sentence = sentences_of(__file__)
FEW = 30
"""Participants of a group below which a warning is given."""


def warnings(results: Results) -> list[str]:
    """Where the data cannot answer."""
    of_groups = (_small_groups, _unidentified, imbalance, _gray_matter)
    of_others = (_missing_values, _instruments, _not_testable, _training, _dependence)
    is_compared = all(len(results.members(group=group)) for group in GROUP_LABELS)
    parts = (*(of_groups if is_compared else ()), *of_others)
    return [line for part in parts for line in part(results) or ()]


def _small_groups(results: Results) -> Iterator[str]:
    for group, word in GROUP_LABELS.items():
        size = len(results.members(group=group))
        if size < FEW:
            yield sentence("few", size=size, group=word)


def _unidentified(results: Results) -> list[str]:
    found = [line for line in contrasts(results) if "dentified" in line or "No site" in line]
    harmonised = results.setting("cohort.harmonise") == "combat"
    return [*found, *([sentence("harmonised")] if found and harmonised else [])]


def _gray_matter(results: Results) -> list[str]:
    described = results.sidecar.get("tiv", {})
    words = str(described.get("Description", "")) if isinstance(described, dict) else ""
    is_taken = "tiv" in results.covariates and words.lower().startswith("total gray matter")
    return [sentence("gray_matter")] if is_taken else []


def _missing_values(results: Results) -> list[str]:
    patients = results.members(group=TARGET)
    if patients.empty:
        return []
    shares = {name: np.mean(patients[name].isna()) for name in results.scales if name in patients}
    named = [f"{results.label(name)} ({100 * share:.0f} %)" for name, share in shares.items() if share > 0.2]
    return [sentence("missing", variables=listed(named))] if named else []


def _instruments(results: Results) -> list[str]:
    patients = results.members(group=TARGET)
    raw = [name for name in ("adhd_index", "inattentive", "hyper_impulsive") if name in results.scales]
    used = len(set(patients["adhd_measure"].dropna())) if "adhd_measure" in patients else 0
    if not raw or used < 2:
        return []
    return [sentence("instruments", scores=listed([results.label(name) for name in raw]), instruments=used)]


@from_table("rsa")
def _not_testable(results: Results, rsa: pd.DataFrame) -> list[str]:
    empty = [row for row in rows_of(rsa) if pd.isna(row["p_value"])]
    named = dict.fromkeys(results.label(row["variable"]) for row in empty)
    reasons = dict.fromkeys(str(row["note"]) for row in empty if isinstance(row.get("note"), str))
    why = f" ({'; '.join(reasons)})" if reasons else ""
    return [sentence("untestable", variables=listed(list(named)), why=why)] if named else []


def _training(results: Results) -> list[str]:
    if "training_warnings" in results.run:
        return [str(line) for line in results.run["training_warnings"]]
    found = []
    rows = [] if results.history is None else rows_of(results.history)
    for model, word in (("cvae", "contrastive VAE"), ("vae", "plain VAE")):
        columns = ("validation_nats", "validation_loss", "test_loss")
        column = next((name for name in columns if rows and name in rows[0]), "test_loss")
        losses = [row.get(column) for row in rows if row["model"] == model]
        losses = np.array(losses, dtype=float)
        if np.isfinite(losses).any() and np.nanargmin(losses) == len(losses) - 1:
            found.append(sentence("falling", model=word))
    return found


@from_table("independence")
def _dependence(results: Results, table: pd.DataFrame) -> list[str]:
    least = min(table["p_value"].dropna().tolist() if "p_value" in table else [], default=1.0)
    if least >= ALPHA:
        return []
    p = probability(least)
    p = p if p.startswith("<") else f"= {p}"
    return [sentence("dependence", p=p)]
