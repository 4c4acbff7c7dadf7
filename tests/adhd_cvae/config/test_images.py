"""The grid, the checks of a map, and the random changes have their bounds."""

import pytest
from pydantic import ValidationError

from adhd_cvae.config.images import AugmentationConfig, ImageConfig, MapCheckConfig


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        (ImageConfig, "shape", (64, 64)),
        (ImageConfig, "shape", (64, 64, 0)),
        (ImageConfig, "voxel_size", 0),
        (ImageConfig, "centre", (0, 0)),
        (ImageConfig, "fwhm", -1),
        (ImageConfig, "min_template_correlation", 1.1),
        (ImageConfig, "max_offset", 0),
        (ImageConfig, "standardise", "always"),
        (ImageConfig, "least_spread", 1.1),
        (MapCheckConfig, "fwhm", -1),
        (MapCheckConfig, "largest_negative", 0.6),
        (AugmentationConfig, "noise_sd", -0.1),
        (AugmentationConfig, "scale", 1),
        (AugmentationConfig, "shift_mm", -1),
        (AugmentationConfig, "probability", 1.1),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_name(section, name, value):
    with pytest.raises(ValidationError) as refused:
        section.model_validate({name: value})
    assert {error["loc"][0] for error in refused.value.errors()} == {name}


def test_maps_of_another_space_are_neither_correlated_nor_placed():
    settings = ImageConfig.model_validate({"min_template_correlation": None, "max_offset": None, "fwhm": 0})
    assert (settings.min_template_correlation, settings.max_offset, settings.fwhm) == (None, None, 0)


def test_a_list_of_sides_becomes_a_grid():
    settings = ImageConfig.model_validate({"shape": [16, 24, 16], "centre": [0, -17, 6]})
    assert settings.shape == (16, 24, 16)
    assert settings.centre == (0.0, -17.0, 6.0)
