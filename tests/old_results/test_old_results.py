"""What version 0.1 left is used by this one as before: recipes, results, a half-finished training, a registered model.

`make.py` made it. Each test calls the command line, or MLflow, as a user would, and knows nothing of the modules.
"""

import json
import os
import re
import subprocess
import sys
import tarfile
import tomllib
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from pipelines.recipes.renamed import GONE, RENAMED
from tests.old_results.old_store import NOWHERE, move_store
from tests.validation.same_results.renamed import new_names, parse_renamings

ROOT = Path(__file__).parents[2]
KEPT = Path(__file__).parent / "0.1"
RENAMINGS = parse_renamings((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
PREDICT = """
import sys, warnings
import mlflow, pandas
{first}
rows = pandas.DataFrame({{"image": sys.argv[2:]}})
mlflow.pyfunc.load_model(sys.argv[1]).predict(rows).to_csv(sys.stdout, sep="\\t", index=False)
"""
REPORTS = {"report.html", "run.json"}
"""Written anew by every `publish`."""


class Old(NamedTuple):
    """A copy of everything, which a test may change."""

    folder: Path

    @property
    def bids(self) -> Path:
        return self.folder / "bids"

    @property
    def results(self) -> Path:
        return self.folder / "derivatives" / "adhd-cvae"

    @property
    def half_trained(self) -> Path:
        return self.folder / "derivatives" / "half-trained"

    @property
    def store(self) -> str:
        return f"sqlite:///{self.folder / 'derivatives' / 'mlflow.db'}"

    @property
    def model(self) -> Path:
        (model,) = (self.folder / "derivatives" / "mlflow-artifacts" / "models").glob("*/artifacts")
        return model


@pytest.fixture
def of_today(tmp_path):
    """Copy a recipe of before with its settings' names of today, without those that are gone, as the refusal asks."""

    def renamed(file: Path) -> Path:
        text = file.read_text(encoding="utf-8")
        for before, after in RENAMED.items():
            text = re.sub(rf"\b{before.rpartition('.')[2]}\b", after.rpartition(".")[2], text)
        for gone in GONE:
            text = re.sub(rf'^ *"?{gone.rpartition(".")[2]}"?: .*\n', "", text, flags=re.MULTILINE)
        copy = tmp_path / file.name
        copy.write_text(text, encoding="utf-8")
        return copy

    return renamed


@pytest.fixture
def old(tmp_path, monkeypatch):
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    with tarfile.open(KEPT / "results.tar.xz") as archive:
        archive.extractall(tmp_path / "old", filter="data")
    move_store(tmp_path / "old" / "derivatives" / "mlflow.db", NOWHERE, str(tmp_path / "old"))
    return Old(tmp_path / "old")


def command_line() -> tuple[str, str]:
    """Module and function of the command, as pyproject.toml names them."""
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    module, _, function = scripts["adhd-cvae"].partition(":")
    return module, function


def call(*arguments: object) -> None:
    """Call the command in this process and expect it to end well."""
    module, function = command_line()
    try:
        getattr(import_module(module), function)([str(argument) for argument in arguments])
    except SystemExit as end:
        status = end.code
    else:
        status = 0
    assert not status, f"{' '.join(map(str, arguments))} ended with {status}"


def python(*arguments: object, **environment: str) -> str:
    """Call Python in a process of its own: models bring code along, which nothing else here may import."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "MLFLOW_DISABLE_TELEMETRY": "true", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def seen(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and date of every file that is no lock and no log of when what was called."""
    return {
        file.relative_to(folder).as_posix(): (file.stat().st_size, file.stat().st_mtime_ns)
        for file in folder.rglob("*")
        if file.is_file() and not file.name.startswith(".") and file.parent.name != "logs"
    }


def read(path: Path) -> pd.DataFrame:
    return pd.read_csv(
        path, sep="\t", na_values=["n/a"], keep_default_na=False, dtype={"participant_id": str}
    )


def as_now(table: pd.DataFrame, file: str) -> pd.DataFrame:
    """An old table with the names that CHANGELOG.md lists replaced."""
    for column in table:
        words = new_names(RENAMINGS, file, "value") | new_names(RENAMINGS, file, f"value of {column}")
        table[column] = table[column].replace(words)
    return table.rename(columns=new_names(RENAMINGS, file, "column"))


def assert_alike(found: pd.DataFrame, expected: pd.DataFrame, rtol: float, atol: float = 1e-6) -> None:
    """The same table but for rounding, which another processor does in another order."""
    pd.testing.assert_frame_equal(found, expected, rtol=rtol, atol=atol, check_dtype=False)


def without_partial(table: pd.DataFrame) -> pd.DataFrame:
    """Without the partial relations, which hold more constant than they did."""
    return table[[name for name in table if "partial" not in name]]


def lines_of(capsys) -> list[str]:
    """What the command says when it refuses."""
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("adhd-cvae: ")]


def test_finished_results_are_neither_taken_for_folds_nor_touched(old, of_today, capsys):
    before = seen(old.results)
    with pytest.raises(AssertionError, match="ended with 1"):
        call("run", old.bids, old.results, "group", "--recipe", of_today(KEPT / "recipe.yaml"))
    (said,) = lines_of(capsys)
    assert "prepare was done with cohort.test_fraction = 0.25, now None. Give --overwrite" in said
    after = seen(old.results)
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} <= REPORTS
    client = MlflowClient(old.store, registry_uri=old.store)
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    assert [run.info.status for run in client.search_runs(experiments)] == ["FINISHED"]
    assert [version.version for version in client.search_model_versions()] == [1]


@pytest.mark.parametrize("verb", ["embed", "analyse"])
def test_a_stage_that_was_done_by_the_settings_in_the_folder_stays_done(old, verb):
    before = seen(old.results)
    call(verb, old.results)
    assert seen(old.results) == before


def test_embedding_goes_on_nowhere_without_folds_and_nothing_is_replaced(old, capsys):
    before = (old.results / "latents.tsv").read_bytes()
    (old.results / "checkpoints" / "cvae-reference.safetensors").unlink()
    with pytest.raises(AssertionError, match="ended with 1"):
        call("embed", old.results)
    assert "folds.tsv is missing" in "".join(lines_of(capsys))
    assert (old.results / "latents.tsv").read_bytes() == before


@pytest.mark.slow
def test_tables_are_computed_again_from_the_old_files(old):
    same = ("rsa.tsv", "silhouette.tsv", "mixture.tsv", "mixture_test.tsv", "as_published.tsv")
    tables = {name: old.results / "analysis" / name for name in same}
    expected = {
        new_names(RENAMINGS, f"analysis/{name}", "file").get(f"analysis/{name}", f"analysis/{name}"): as_now(
            read(file), f"analysis/{name}"
        )
        for name, file in tables.items()
    }
    tables["rsa.tsv"].unlink()
    call("analyse", old.results)
    for file, table in expected.items():
        assert_alike(*map(without_partial, (read(old.results / file), table)), rtol=1e-3, atol=1e-5)


@pytest.mark.slow
def test_codes_of_an_old_folder_are_a_way_in(old, tmp_path, of_today):
    folder = tmp_path / "way-in"
    folder.mkdir()
    for name in ("cohort.tsv", "latents.tsv", "draws.npz"):
        (old.results / name).rename(folder / name)
    call("analyse", folder, "--recipe", of_today(KEPT / "recipe.yaml"))
    expected = as_now(read(old.results / "analysis" / "rsa.tsv"), "analysis/rsa.tsv")
    assert_alike(*map(without_partial, (read(folder / "analysis" / "rsa.tsv"), expected)), rtol=1e-3)


@pytest.mark.parametrize("of", ["half-trained", "adhd-cvae"])
def test_training_goes_on_nowhere_without_folds_and_the_line_says_so(old, of, capsys):
    folder = old.folder / "derivatives" / of
    before = seen(folder / "checkpoints")
    with pytest.raises(AssertionError, match="ended with 1"):
        call("train", folder, "--no-live")
    (said,) = lines_of(capsys)
    assert "folds.tsv is missing: nothing was prepared here, or by version 0.1, which had no folds" in said
    assert seen(folder / "checkpoints") == before


def leaves(settings: object, prefix: str = "") -> dict[str, object]:
    """Dotted key to value; lists, and batteries of any name, are values."""
    if not isinstance(settings, dict) or prefix == "analysis.batteries.":
        return {prefix.removesuffix("."): settings}
    return {
        key: value
        for name, part in settings.items()
        for key, value in leaves(part, f"{prefix}{name}.").items()
    }


def settings_in(recipe: Path) -> dict[str, object]:
    return leaves(yaml.safe_load(recipe.read_text(encoding="utf-8")))


def settings_after_preparing(bids: Path, folder: Path, *options: object) -> dict[str, object]:
    """What a new folder says that it was made with."""
    call("prepare", bids, folder, *options)
    return leaves(yaml.safe_load((folder / "run.json").read_text(encoding="utf-8"))["recipe"])


def assert_all_kept(found: dict[str, object], wanted: dict[str, object]) -> None:
    """Every old setting has its value, under its name or, where the name was changed, somewhere in its section."""
    for key, value in wanted.items():
        section = key.split(".")[0]
        values = (
            [found[key]] if key in found else [found[name] for name in found if name.split(".")[0] == section]
        )
        assert value in values or isinstance(value, list), f"{key} = {value} is lost"


@pytest.mark.parametrize("file", ["recipe.yaml", "written.yaml"])
def test_a_recipe_of_before_is_refused_with_a_line_for_each_setting_that_has_changed(
    old, tmp_path, capsys, file
):
    with pytest.raises(AssertionError, match="ended with 1"):
        call("prepare", old.bids, tmp_path / "new", "--recipe", KEPT / file)
    lines = capsys.readouterr().err.splitlines()
    assert sorted(line.partition("no setting ")[2] for line in lines) == sorted(
        [f"'{before}'. It is called '{after}' now." for before, after in RENAMED.items()]
        + [f"'{before}'. {instead}" for before, instead in GONE.items()]
    )
    assert not (tmp_path / "new" / "cohort.tsv").exists()


def test_a_resolved_recipe_reads_as_before(old, tmp_path, of_today):
    wanted = settings_in(of_today(KEPT / "recipe.yaml"))
    found = settings_after_preparing(old.bids, tmp_path / "new", "--recipe", of_today(KEPT / "recipe.yaml"))
    assert_all_kept(found, wanted)
    (logged,) = (old.folder / "derivatives" / "mlflow-artifacts").glob("*/artifacts/recipe.json")
    again = settings_after_preparing(old.bids, tmp_path / "logged", "--recipe", of_today(logged))
    assert again == found


def test_a_written_recipe_with_every_old_setting_reads_as_before(old, tmp_path, of_today):
    wanted = settings_in(of_today(KEPT / "written.yaml"))
    del wanted["base"]
    found = settings_after_preparing(old.bids, tmp_path / "new", "--recipe", of_today(KEPT / "written.yaml"))
    assert_all_kept(found, wanted)


def test_every_old_setting_can_be_set_by_its_name(old, tmp_path, of_today):
    wanted = settings_in(of_today(KEPT / "written.yaml"))
    del wanted["base"]
    # JSON is YAML.
    options = [part for key, value in wanted.items() for part in ("--set", f"{key}={json.dumps(value)}")]
    found = settings_after_preparing(old.bids, tmp_path / "new", "--recipe", "demo", *options)
    assert_all_kept(found, wanted)


@pytest.fixture(scope="module")
def expected():
    """What the old version said of three maps."""
    return read(KEPT / "expected" / "predictions.tsv")


@pytest.mark.parametrize(
    "first",
    [
        pytest.param("", id="alone", marks=pytest.mark.slow),
        pytest.param("import adhd_cvae", id="beside this version"),
    ],
)
def test_the_registered_model_predicts_what_it_did(old, expected, first):
    images = [old.bids / image for image in expected["image"]]
    shown = python("-c", PREDICT.format(first=first), old.model, *images)
    found = pd.DataFrame([line.split("\t") for line in shown.splitlines()])
    found.columns = found.iloc[0]
    numbers = list(expected.columns.drop(["image", "out_of_distribution"]))
    np.testing.assert_allclose(found[numbers].iloc[1:].astype(float), expected[numbers], atol=1e-4)
    assert found["out_of_distribution"].tolist()[1:] == expected["out_of_distribution"].astype(str).tolist()


@pytest.mark.parametrize(
    "uri", ["folder", pytest.param("models:/adhd-cvae@champion", marks=pytest.mark.slow)]
)
def test_new_participants_are_described_by_the_registered_model(old, expected, uri, tmp_path):
    module, function = command_line()
    participants = [image.split("/")[0] for image in expected["image"]]
    model = old.model if uri == "folder" else uri
    python(
        *("-c", f"from {module} import {function}; {function}()"),
        *(
            "run",
            old.bids,
            tmp_path / "new",
            "participant",
            "--model",
            model,
            "--participant-label",
            *participants,
        ),
        MLFLOW_TRACKING_URI=old.store,
    )
    latents, distances = read(tmp_path / "new" / "latents.tsv"), read(tmp_path / "new" / "distances.tsv")
    assert latents["participant_id"].tolist() == participants
    means = [name for name in latents if name.startswith(("s_", "z_")) and not name.endswith("_sd")]
    assert len(means) == 5
    np.testing.assert_allclose(latents[means], expected[means], atol=1e-4)
    np.testing.assert_allclose(distances["distance"], expected["distance"], atol=1e-4)


def test_an_old_model_leaves_as_a_bundle(old, tmp_path):
    call("export-bundle", old.results, tmp_path / "bundle")
    assert list((tmp_path / "bundle").rglob("metadata.json"))
