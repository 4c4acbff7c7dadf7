"""Sections of the report: each owns its words, its tables and its pictures with what plots them."""

from pipelines.report.sections import (
    background,
    brain,
    claims,
    clusters,
    cohort,
    confounding,
    harmonisation,
    latents,
    leakage,
    p_values,
    reconstruction,
    recovery,
    rsa,
    sensitivity,
    separation,
    training,
)

SECTIONS = tuple(
    module.SECTION
    for module in (
        separation,
        brain,
        cohort,
        confounding,
        sensitivity,
        recovery,
        background,
        rsa,
        latents,
        claims,
        clusters,
        leakage,
        harmonisation,
        reconstruction,
        training,
        p_values,
    )
)
"""In reading order."""
