"""All settings are frozen, complete, and strict about names."""

import pytest
from pydantic import ValidationError

from adhd_cvae import config
from adhd_cvae.config.settings import Settings

SECTIONS = [kind for kind in vars(config).values() if isinstance(kind, type) and issubclass(kind, Settings)]
REQUIRED = {
    config.Claim: {"space": "salient", "one_cluster": True},
    config.Region: {"centres": ((0.0, 0.0, 0.0),)},
    config.Variable: {"name": "a", "scale": "ratio"},
}


def test_every_section_is_among_those_tried():
    assert {config.Recipe, config.ImageConfig, config.Claim, config.WarningsConfig} <= set(SECTIONS)
    nested = {
        field.annotation
        for section in SECTIONS
        for field in section.model_fields.values()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Settings)
    }
    assert nested <= set(SECTIONS)


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_settings_are_frozen_and_refuse_an_unknown_key(section):
    content = REQUIRED.get(section, {})
    settings = section.model_validate(content)
    for name, value in settings:
        with pytest.raises(ValidationError, match="frozen"):
            setattr(settings, name, value)
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        section.model_validate({**content, "unheard_of": 1})


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.__name__)
def test_settings_come_back_from_json_as_they_were(section):
    settings = section.model_validate(REQUIRED.get(section, {}))
    assert section.model_validate_json(settings.model_dump_json()) == settings


def test_what_has_a_default_need_not_be_given():
    for section in set(SECTIONS) - set(REQUIRED):
        assert section() == section.model_validate({}), section
