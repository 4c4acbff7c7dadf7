"""What is published is what the stages were done with, and from each other."""

import pytest

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.io import file_checksum, write_json, write_text
from pipelines.output_dir.made_with import made_with
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance


@pytest.fixture
def provenance(tmp_path):
    """Write run.json with these stages; read it back."""

    def written(**stages):
        whole = {"state": "done", "fingerprint": "", "settings": {}, "inputs": {}, "outputs": {}}
        write_json({"stages": {name: whole | one for name, one in stages.items()}}, tmp_path / "run.json")
        return Provenance.open(OutputPaths(tmp_path))

    return written


def test_settings_are_those_of_the_stages_whatever_the_recipe_says(provenance):
    known = provenance(
        train={"settings": {"seed": 3, "training.epochs": 2}}, analyse={"settings": {"seed": 3}}
    )
    found = made_with(known, Recipe(seed=77))
    assert (found.seed, found.training.epochs) == (3, 2)
    assert found.analysis == Recipe().analysis


def test_stages_of_two_recipes_are_refused_by_setting(provenance):
    known = provenance(train={"settings": {"seed": 3}}, analyse={"settings": {"seed": 4}})
    with pytest.raises(InputError, match=r"train was done with seed = 3, analyse with 4.*adhd-cvae analyse"):
        made_with(known, Recipe())


def test_a_stage_that_was_not_finished_says_nothing(provenance):
    known = provenance(train={"settings": {"seed": 3}}, analyse={"settings": {"seed": 4}, "state": "started"})
    assert made_with(known, Recipe()).seed == 3


@pytest.mark.parametrize(
    ("stage", "file"),
    [("analyse", "latents.tsv"), ("analyse", "draws.npz"), ("embed", "checkpoints/cvae.safetensors")],
)
def test_results_of_another_file_than_is_there_are_refused(provenance, tmp_path, stage, file):
    write_text("one", tmp_path / file)
    known = provenance(**{stage: {"inputs": {file: file_checksum(tmp_path / file)}}})
    made_with(known, Recipe())
    write_text("another", tmp_path / file)
    with pytest.raises(InputError, match=rf"{stage} was done with another {file} than is there"):
        made_with(known, Recipe())
    (tmp_path / file).unlink()
    with pytest.raises(InputError, match=f"{stage} was done with another"):
        made_with(known, Recipe())


def test_what_is_no_file_of_a_stage_is_not_looked_for(provenance):
    inputs = {"participants": "abc", "images": "def"}
    assert made_with(provenance(embed={"inputs": inputs}), Recipe()) == Recipe()
