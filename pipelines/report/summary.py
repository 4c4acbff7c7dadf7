"""Sentences built from the tables: what a run says, and no more."""

from pipelines.output_dir.results import Results
from pipelines.report.sections.claims import _claims
from pipelines.report.sections.clusters import _clusters
from pipelines.report.sections.confounding import counted, site_counts
from pipelines.report.sections.recovery import _recovery
from pipelines.report.sections.rsa import _published, _similarity


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
