"""What the model sees: observed and decoded maps, and the error beside PCA's."""

import pandas as pd
from matplotlib.figure import Figure

from adhd_cvae.figures import brain, latents
from adhd_cvae.names import MEMBER_LABELS
from pipelines.output_dir.results import Results
from pipelines.report.section import read_section


def _examples(results: Results) -> Figure | None:
    decoded = results.decoded
    if "example" not in decoded or not len(decoded["example"]):
        return None
    # Numbered within their group: a picture that travels names nobody.
    groups = pd.Series(decoded["example_group"].astype(str)).replace(to_replace=MEMBER_LABELS)
    ranks = groups.groupby(groups).cumcount()
    names = [f"{group} {rank + 1}" for group, rank in zip(groups, ranks, strict=True)]
    return brain.reconstructions(decoded["example"], names, decoded["mask"], decoded["affine"])


def _errors(results: Results) -> Figure | None:
    decoded = results.decoded
    if results.cohort is None or not {"reconstruction_error", "pca_reconstruction_error"} <= set(decoded):
        return None
    errors = pd.DataFrame(
        {
            "participant_id": decoded["participant_id"].astype(str),
            "model": decoded["reconstruction_error"].astype(float),
            "pca": decoded["pca_reconstruction_error"].astype(float),
        }
    )
    errors = errors.dropna().merge(results.cohort[["participant_id", "group"]], on="participant_id")
    return latents.reconstruction_errors(errors) if len(errors) else None


SECTION = read_section(__file__, {"reconstructions": _examples, "reconstruction_error": _errors})
