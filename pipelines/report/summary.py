"""Sentences built from the tables: what a run says, and no more."""

from adhd_cvae.names import GROUP_LABELS, TEST
from pipelines.output_dir.results import Results
from pipelines.report.formatting import counted
from pipelines.report.sections import claims, clusters, confounding, recovery, rsa


def is_simulated(results: Results) -> bool:
    """Whether a planted truth is known: only a simulated cohort has one."""
    return results.analysis("recovery") is not None


def summary(results: Results) -> list[str]:
    """The page's first paragraph, one sentence group an entry."""
    parts = (_cohort, claims.summary, rsa.summary, rsa.as_published, clusters.summary, recovery.summary)
    return [sentences for part in parts if (sentences := part(results))]


def _cohort(results: Results) -> str:
    if results.cohort is None:
        return ""
    patients, controls = (len(results.members(group=group)) for group in GROUP_LABELS)
    held_out = len(results.members(split=TEST))
    sites = confounding.site_counts(results)
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
