"""Sentences built from the tables: what a run says, and no more."""

from adhd_cvae.names import GROUP_LABELS
from pipelines.output_dir.results import Results
from pipelines.report.formatting import counted
from pipelines.report.section import is_of_adhd200, sentences_of
from pipelines.report.sections import (
    brain,
    claims,
    clusters,
    confounding,
    p_values,
    recovery,
    rsa,
    sensitivity,
    separation,
)

sentence = sentences_of(__file__)


def is_simulated(results: Results) -> bool:
    """Whether a planted truth is known: only a simulated cohort has one."""
    return results.analysis("recovery") is not None


def answers(results: Results) -> list[str]:
    """Whether the groups are told apart, what the maps show, what the confounds allow: a paragraph each."""
    sizes = [len(results.members(group=group)) for group in GROUP_LABELS]
    if not all(sizes):
        return [sentence("one_group", group=GROUP_LABELS["background" if sizes[1] else "target"])]
    return [
        separation.summary(results) or sentence("no_separation"),
        brain.summary(results) or sentence("no_maps"),
        " ".join(filter(None, [confounding.summary(results), separation.beside_covariates(results)])),
    ]


def more(results: Results) -> list[str]:
    """What else is said in short: p-values in all, sensitivity, and what the codes are about."""
    parts = (
        *(p_values.summary, sensitivity.summary, claims.summary, rsa.summary, rsa.as_published),
        *(clusters.summary, recovery.summary),
    )
    return [sentences for part in parts if (sentences := part(results))]


def cohort(results: Results) -> str:
    """Who was analysed, in a line."""
    if results.cohort is None:
        return ""
    patients, controls = (len(results.members(group=group)) for group in GROUP_LABELS)
    count = len(set(results.fold_of_each))
    sites = confounding.site_counts(results)
    where = f" from {counted(len(sites), 'site')}" if sites is not None else ""
    groups = [counted(size, word) for size, word in ((patients, "patient"), (controls, "control")) if size]
    participants = f"{' and '.join(groups)}{where}"
    text = sentence(
        "analysed", participants=participants, folds=sentence("folds", count=count) if count else ""
    )
    of = "ADHD or about people" if is_of_adhd200(results) else "people"
    return f"{sentence('simulated', of=of)} {text}" if is_simulated(results) else text
