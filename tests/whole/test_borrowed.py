"""Healthy anatomy learnt in one place, borrowed in another, and what is left of it when both are gone."""

import shutil

import numpy as np
import pytest

from adhd_cvae.io import read_tsv
from adhd_cvae.models.reference_file import load_reference
from adhd_cvae.names import units_in
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.mlflow_tracking.reference_model import ALIAS, NAME
from pipelines.mlflow_tracking.store import find_store
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe
from pipelines.stages import simulate
from pipelines.workflows import background, group, participant
from tests.shown import Shown

GRID = ("image.shape=[32,32,32]", "image.voxel_size=6")
BORROWED = (
    *GRID,
    f"cohort.background_from=[models:/{NAME}@{ALIAS}]",
    *("analysis.permutations=19", "analysis.refits=3", "analysis.claims=[]", "analysis.batteries={}"),
    *("analysis.variables=[{name: age, scale: ratio}]", "training.epochs=1", "training.vae=false"),
)
LENT, OWN = 100, 60


@pytest.fixture(scope="module", params=["linear", "same"])
def clinic(request, tmp_path_factory):
    """Results in one folder with what was learnt in another, of which nothing is left but the store."""
    folder = tmp_path_factory.mktemp("labs")
    for place, count, seed in (("elsewhere", LENT, 101), ("clinic", OWN, 102)):
        config = SimulationConfig(participants=count, seed=seed, resolution=6)
        simulate.run(folder / place / "bids", config, Silent())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'server' / 'mlflow.db'}")
        (folder / "server").mkdir()
        source, lent = folder / "elsewhere" / "bids", OutputPaths(folder / "elsewhere" / "lent")
        with owned(lent.folder, dataset=source):
            recipe = load_recipe("smoke", (*GRID, "reference.least_participants=20"))
            background.run(Run(lent, recipe, Silent()), BidsInput(source))
        shutil.move(folder / "elsewhere", folder / "gone")
        recipe = load_recipe("smoke", (*BORROWED, f"training.fold_models={request.param}"))
        paths = OutputPaths(folder / "clinic" / "derivatives" / "adhd-cvae")
        run = Run(paths, recipe, Shown())
        group.run(run, BidsInput(folder / "clinic" / "bids"))
        yield run, folder


@pytest.mark.slow
def test_what_was_learnt_elsewhere_travels_by_the_registry_alone(clinic):
    run, folder = clinic
    kept, facts = load_reference(run.paths.borrowed)
    learnt, _ = load_reference(folder / "gone" / "lent")
    assert kept.checksum == learnt.checksum
    assert facts["borrowed"] == [
        {"name": f"models:/{NAME}@{ALIAS}", "checksum": learnt.checksum, "participants": learnt.count}
    ]
    table = read_tsv(run.paths.table("background"))
    assert set(table["form"]) >= {"with", "without", "borrowed"}
    assert run.paths.report.is_file()
    assert len(read_tsv(run.paths.latents)) == len(read_tsv(run.paths.cohort)) == OWN


@pytest.mark.slow
def test_the_form_taken_is_shown_of_everybody_and_of_each_fold_where_it_is_fitted(clinic):
    run, _ = clinic
    told = [line.split("form taken: ") for line in run.progress.lines if "form taken: " in line]
    of_folds = [form.split(" ")[0].rstrip(";") for where, form in told if where.startswith("  fold ")]
    table = read_tsv(run.paths.table("background"))
    assert of_folds == table.loc[table["taken"] == 1, "form"].tolist()
    assert len(told) == len(of_folds) + 1


@pytest.mark.slow
def test_the_registered_model_needs_no_reference_to_predict(clinic):
    run, folder = clinic
    client = find_store(run.paths.folder).client()
    model = client.get_model_version_by_alias(NAME, ALIAS)
    artifacts = list((folder / "server").rglob("reference.safetensors"))
    assert artifacts
    client.delete_registered_model(NAME)
    client.delete_run(str(model.run_id))
    for file in artifacts:
        shutil.rmtree(file.parent)
    new = OutputPaths(folder / "clinic" / "new")
    shutil.move(run.paths.borrowed, folder / "also-gone")
    participant.run(
        Run(new, run.recipe, Silent()), BidsInput(folder / "clinic" / "bids"), "models:/adhd-cvae@champion"
    )
    latents, again = read_tsv(run.paths.latents), read_tsv(new.latents)
    means = [*units_in(latents, "salient"), *units_in(latents, "background")]
    np.testing.assert_allclose(again[means], latents[means], atol=1e-5)
