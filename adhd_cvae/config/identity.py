"""What tells two recipes apart, alike for this version and 0.1: so that what 0.1 made is known again."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from adhd_cvae.config.recipe import Recipe

RENAMED_TERMS = {
    "background_salient": "salient_of_background",
    "background_spread": "salient_spread_of_background",
    "mmd_salient": "salient_mmd_of_background",
    "mmd_background": "background_mmd",
}
"""Terms of the loss by their names of version 0.1, in settings and in the history, to those of today."""
_OF_0_1 = MappingProxyType(
    {
        "cohort": "group target background site drop_one_group_sites match caliper max_ratio",
        "image": "shape voxel_size centre fwhm min_template_correlation max_offset mask_threshold standardise",
        "augmentation": "enabled noise_sd scale shift_mm probability",
        "model": "salient background channels hidden start correction noise output",
        "objective": "name effective_voxels beta salient_of total_correlation critic background_salient "
        "background_spread mmd_background mmd_salient classification hsic",
        "training": "epochs batch_size learning_rate linear_learning_rate train_salient gradient_clip "
        "validation_fraction patience precision vae device",
        "analysis": "variables batteries claims permutations permute_within bootstraps draws max_components atlas",
    }
)
"""Settings of each section that version 0.1 had: of a training or a run it kept their fingerprint alone."""
OTHER_IN_0_1 = MappingProxyType({"model.trunk": "convolutions"})
"""Settings that came after version 0.1, which did something else than what is now their default."""


def identity(recipe: Recipe) -> dict[str, Any]:
    """Settings that count when a training or a run is known again, as JSON.

    A setting that came after version 0.1 counts where it isn't what 0.1 did, and a renamed one by its old name. Where
    that lies which is borrowed does not count: its checksum says what it is.
    """
    elsewhere = {"cohort": {"background_from"}}
    settings, defaults = (one.model_dump(mode="json", exclude=elsewhere) for one in (recipe, Recipe()))
    before = {new: old for old, new in RENAMED_TERMS.items()}

    def counted(section: str, values: Mapping[str, Any]) -> dict[str, Any]:
        first = _OF_0_1[section].split()
        named = {before.get(name, name) if section == "objective" else name: name for name in values}
        return {
            old: values[name]
            for old, name in named.items()
            if old in first or values[name] != OTHER_IN_0_1.get(f"{section}.{name}", defaults[section][name])
        }

    return {
        section: counted(section, values) if section in _OF_0_1 else values
        for section, values in settings.items()
    }
