"""Sentences built from the tables: what a run says, and no more."""

from adhd_cvae.names import GROUP_LABELS
from pipelines.output_dir.results import Results
from pipelines.report.formatting import counted
from pipelines.report.section import sentences_of
from pipelines.report.sections import (
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


def summary(results: Results) -> list[str]:
    """The page's first paragraphs; the verdict on the groups goes before all."""
    of_patients = (claims.summary, rsa.summary, rsa.as_published, clusters.summary, recovery.summary)
    parts = (separation.summary, _cohort, p_values.summary, sensitivity.summary, *of_patients)
    return [sentences for part in parts if (sentences := part(results))]


def _cohort(results: Results) -> str:
    if results.cohort is None:
        return ""
    patients, controls = (len(results.members(group=group)) for group in GROUP_LABELS)
    count = len(set(results.fold_of_each))
    sites = confounding.site_counts(results)
    where = f" from {counted(len(sites), 'site')}" if sites is not None else ""
    participants = f"{counted(patients, 'patient')} and {counted(controls, 'control')}{where}"
    text = sentence(
        "analysed", participants=participants, folds=sentence("folds", count=count) if count else ""
    )
    return f"{sentence('simulated')} {text}" if is_simulated(results) else text
