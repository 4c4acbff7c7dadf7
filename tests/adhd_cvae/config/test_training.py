"""Objectives fill in their weights by name; what no network or training can have is refused."""

from typing import get_args

import pytest
from pydantic import ValidationError

from adhd_cvae.config.training import (
    OBJECTIVES,
    SET_BY_NAME,
    LinearConfig,
    ModelConfig,
    ObjectiveConfig,
    TrainingConfig,
    WarningsConfig,
)

NOT_BY_NAME = {
    *("name", "beta", "effective_voxels"),
    *("critic_hidden", "mmd_widths", "active_variance"),
}


def test_every_name_of_an_objective_has_its_weights():
    assert list(OBJECTIVES) == list(get_args(ObjectiveConfig.model_fields["name"].annotation))
    for name, weights in OBJECTIVES.items():
        assert set(weights) in ({*SET_BY_NAME}, set()), name
    assert set(ObjectiveConfig.model_fields) - NOT_BY_NAME == SET_BY_NAME


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_a_name_fills_in_its_weights_and_leaves_the_rest(name):
    defaults = ObjectiveConfig().model_dump()
    assert ObjectiveConfig(name=name).model_dump() == defaults | {"name": name} | OBJECTIVES[name]


def test_the_methods_differ_in_the_terms_of_their_papers():
    used = {
        name: {
            term
            for term in SET_BY_NAME - {"salient_of", "critic"}
            if getattr(ObjectiveConfig(name=name), term)
        }
        for name in OBJECTIVES
    }
    assert used == {
        "adhd_cvae": {"total_correlation", "salient_of_background"},
        "vae": set(),
        "cvae": {"total_correlation"},
        "mm_cvae": {"background_mmd", "salient_mmd_of_background"},
        "sepvae": {"total_correlation", "salient_of_background", "classification"},
        "contrastive_vi": {"salient_of_background", "salient_spread_of_background"},
        "hsic": {"salient_of_background", "hsic"},
    }
    assert [name for name in OBJECTIVES if ObjectiveConfig(name=name).salient_of == "everyone"] == ["vae"]


def test_what_is_set_beside_the_name_counts_more_and_complete_settings_stay():
    settings = ObjectiveConfig(name="mm_cvae", background_mmd=0, hsic=5, beta=2)
    assert (settings.background_mmd, settings.hsic, settings.beta) == (0, 5, 2)
    assert settings.salient_mmd_of_background == OBJECTIVES["mm_cvae"]["salient_mmd_of_background"]
    assert ObjectiveConfig.model_validate(settings.model_dump()) == settings
    assert ObjectiveConfig.model_validate(settings) == settings


@pytest.mark.parametrize("content", [{"name": "mmcvae"}, {"name": ["cvae"]}, "cvae", None])
def test_no_other_objective_is_known(content):
    with pytest.raises(ValidationError):
        ObjectiveConfig.model_validate(content)


def test_a_network_needs_a_linear_or_a_convolutional_part():
    with pytest.raises(ValidationError, match="no part of the network is left"):
        ModelConfig(start="random", correction=False)
    assert ModelConfig(start="random").correction
    assert ModelConfig(correction=False).start == "contrast"


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        (ModelConfig, "salient", -1),
        (ModelConfig, "background", 0),
        (ModelConfig, "channels", (8, 0)),
        (ModelConfig, "start", "zero"),
        (LinearConfig, "rank_share", 0),
        (LinearConfig, "floor_share", 1.1),
        (LinearConfig, "pcpca_share", 1),
        (LinearConfig, "most_participants", 3),
        (LinearConfig, "least_noise", 0),
        (ObjectiveConfig, "beta", -1),
        (ObjectiveConfig, "effective_voxels", 0),
        (ObjectiveConfig, "hsic", -0.1),
        (WarningsConfig, "critic_accuracy", 0.4),
        (WarningsConfig, "exploded", 1),
        (TrainingConfig, "epochs", -1),
        (TrainingConfig, "learning_rate", 0),
        (TrainingConfig, "validation_fraction", 0.9),
        (TrainingConfig, "precision", "float64"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_name(section, name, value):
    with pytest.raises(ValidationError) as refused:
        section.model_validate({name: value})
    assert {error["loc"][0] for error in refused.value.errors()} == {name}


def test_what_the_docstrings_allow_is_taken():
    assert ModelConfig(salient=0).salient == 0
    assert ObjectiveConfig(effective_voxels=None).effective_voxels is None
    assert TrainingConfig(epochs=0, validation_fraction=0, train_salient=None).epochs == 0
