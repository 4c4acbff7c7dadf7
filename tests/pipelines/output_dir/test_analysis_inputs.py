"""What the analysis reads is brought to one order, or refused with what is missing."""

import numpy as np
import pytest

from adhd_cvae.config import AnalysisConfig
from adhd_cvae.errors import InputError
from adhd_cvae.io import read_tsv, write_tsv
from pipelines.output_dir.analysis_inputs import read_analysis_inputs

SETTINGS = AnalysisConfig.model_validate(
    {"variables": [{"name": "age", "scale": "ratio"}, {"name": "iq", "scale": "ratio"}]}
)


def test_the_order_is_that_of_the_latents(tmp_path, invent_results):
    paths = invent_results(tmp_path)
    cohort = read_tsv(paths.cohort)
    write_tsv(cohort.iloc[::-1], paths.cohort)
    inputs = read_analysis_inputs(paths, SETTINGS)
    assert inputs.participants == cohort["participant_id"].tolist()
    assert np.array_equal(inputs.is_patient, (cohort["group"] == "target").to_numpy())
    assert inputs.spaces["salient"].shape == (40, 2)
    assert inputs.samples["background"].shape == (3, 40, 3)
    assert inputs.scales == {"age": "ratio"}
    assert any("iq" in warning for warning in inputs.warnings)


def test_a_missing_file_and_a_missing_participant_are_named(tmp_path, invent_results):
    paths = invent_results(tmp_path)
    write_tsv(read_tsv(paths.cohort).iloc[1:], paths.cohort)
    with pytest.raises(InputError, match=r"lacks 1 participants of latents\.tsv"):
        read_analysis_inputs(paths, SETTINGS)
    paths.draws.unlink()
    with pytest.raises(InputError, match=r"has no draws\.npz"):
        read_analysis_inputs(paths, SETTINGS)


def test_permuting_within_an_unknown_column_is_refused(tmp_path, invent_results):
    settings = SETTINGS.model_copy(update={"permute_within": "scanner"})
    with pytest.raises(InputError, match="permute_within names 'scanner'"):
        read_analysis_inputs(invent_results(tmp_path), settings)


@pytest.mark.parametrize("site_by_site", [True, False])
def test_what_differs_between_folds_alone_is_not_asked(tmp_path, invent_results, site_by_site):
    paths = invent_results(tmp_path)
    site = read_tsv(paths.cohort)["site"]
    folds = site - 1 if site_by_site else np.arange(len(site)) % 2
    write_tsv(read_tsv(paths.latents).assign(fold=folds), paths.latents)
    variables = [{"name": "age", "scale": "ratio"}, {"name": "site", "scale": "nominal"}]
    inputs = read_analysis_inputs(paths, AnalysisConfig.model_validate({"variables": variables}))
    assert ("site" in inputs.scales) != site_by_site
    assert any("site left out" in text for text in inputs.warnings) == site_by_site
