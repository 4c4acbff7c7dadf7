"""The MONAI bundle: what is in it, what MONAI says of it, and what it computes when MONAI runs it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from monai.bundle.config_parser import ConfigParser

from adhd_cvae.config import CohortConfig, Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.inference.adjustment import fit_adjustment, save_adjustment
from adhd_cvae.io import read_json, read_tsv, write_tsv
from pipelines.mlflow_tracking.pyfunc_model import Posteriors
from pipelines.output_dir.paths import OutputPaths
from pipelines.stages import export_bundle

ROOT = Path(__file__).parents[3]
TENSOR = {
    "type": {"type": "string"},
    "format": {"type": "string"},
    "num_channels": {"type": "integer"},
    "spatial_shape": {"type": "array", "items": {"type": ["string", "integer"]}},
    "dtype": {"type": "string"},
    "value_range": {"type": "array", "items": {"type": "number"}},
}
TENSORS = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {
        "type": "object",
        "properties": {
            **TENSOR,
            "is_patch_data": {"type": "boolean"},
            "channel_def": {"type": "object"},
        },
        "required": list(TENSOR),
    },
}
TEXTS = (
    *("schema", "version", "monai_version", "pytorch_version", "numpy_version", "task", "description"),
    *("authors", "copyright", "data_source", "data_type", "image_classes", "pred_classes", "intended_use"),
)
# What MONAI's schema of 2024-07-25 demands, said anew: its own file is fetched from the network by MONAI.
SCHEMA = {
    "type": "object",
    "properties": {
        **{name: {"type": "string"} for name in TEXTS},
        **{name: {"type": "object"} for name in ("changelog", "required_packages_version", "eval_metrics")},
        "references": {"type": "array", "items": {"type": "string"}},
        "network_data_format": {
            "type": "object",
            "properties": {"inputs": TENSORS, "outputs": TENSORS},
            "required": ["inputs", "outputs"],
        },
    },
    "required": [*TEXTS[:9], "required_packages_version", "network_data_format"],
}

Monai = Callable[..., str]


@pytest.fixture(scope="module")
def folder(demo, tmp_path_factory):
    return export_bundle.run(demo.paths, tmp_path_factory.mktemp("bundles") / "adhd-cvae")


@pytest.fixture(scope="module")
def monai(tmp_path_factory) -> Monai:
    """Call `python -m monai.bundle` from a folder that is not the bundle's."""
    pytest.importorskip("fire", reason="`python -m monai.bundle` needs fire: pip install 'adhd-cvae[bundle]'")
    elsewhere = tmp_path_factory.mktemp("elsewhere")

    def call(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "monai.bundle", *arguments],
            cwd=elsewhere,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout + done.stderr

    return call


def test_the_bundle_holds_what_model_zoos_expect_and_no_pickle(folder):
    found = {file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()}
    assert found == {
        *("LICENSE", "configs/inference.json", "configs/metadata.json"),
        *("docs/README.md", "docs/data_license.txt"),
        *("models/model.safetensors", "models/reference.safetensors"),
    }
    assert "Apache License" in (folder / "LICENSE").read_text(encoding="utf-8")


def test_metadata_fit_monais_schema(folder):
    jsonschema = pytest.importorskip("jsonschema")
    content = read_json(folder / "configs" / "metadata.json")
    jsonschema.validate(content, SCHEMA)
    assert content["network_data_format"]["outputs"]["pred"]["channel_def"]["2"] == "z_00"
    assert {name.split("/")[0] for name in content["eval_metrics"]} <= {"out_of_fold", "separation"}
    del content["version"]
    with pytest.raises(jsonschema.ValidationError, match="'version' is a required property"):
        jsonschema.validate(content, SCHEMA)


def test_monai_runs_it_and_the_codes_are_those_of_latents_tsv(folder, demo, monai, tmp_path):
    cohort, latents = read_tsv(demo.paths.cohort), read_tsv(demo.paths.latents)
    rows = cohort.index[cohort["image"].str.contains("sub-990000[125]/")]
    table = tmp_path / "codes.tsv"
    monai(
        "run",
        *("--config_file", str(folder / "configs" / "inference.json"), "--bundle_root", str(folder)),
        *("--image", f"{demo.bids_dir}/sub-990000[125]/anat/*_probseg.nii.gz"),
        *("--output_file", str(table)),
    )
    codes = read_tsv(table)
    assert codes["image"].tolist() == [str(demo.bids_dir / name) for name in sorted(cohort["image"][rows])]
    means = [name for name in latents if name.startswith(("s_", "z_"))]
    expected = latents.loc[cohort.loc[rows].sort_values("image").index]
    np.testing.assert_allclose(codes[means].to_numpy(), expected[means].to_numpy(), atol=1e-5)
    assert {"s_00_sd", "distance", "out_of_distribution"} <= set(codes)


@pytest.fixture(scope="module")
def adjusting(demo, tmp_path_factory):
    """A model that takes sites, age and sex from maps, its cohort with paths from BIDS_DIR, and its bundle."""
    folder = tmp_path_factory.mktemp("adjusting")
    paths = OutputPaths(Path(shutil.copytree(demo.paths.folder, folder / "results")))
    cohort = read_tsv(paths.cohort)
    recipe = Recipe(cohort=CohortConfig(harmonise="combat", covariates=("age", "sex"), smallest_site=3))
    adjustment = fit_adjustment(np.load(paths.images), cohort, np.arange(len(cohort)), recipe)
    assert adjustment is not None
    save_adjustment(adjustment, paths.adjustment)
    return paths, cohort, export_bundle.run(paths, folder / "bundle")


def predicted(paths: OutputPaths, rows: pd.DataFrame) -> pd.DataFrame:
    """What the registered model would say of these."""
    model = Posteriors()
    weights, adjustment = paths.cvae.with_suffix(".safetensors"), paths.adjustment.with_suffix(".safetensors")
    named = {"weights": weights, "reference": paths.reference, "adjustment": adjustment}
    artifacts = {name: str(file) for name, file in named.items()}
    model.load_context(SimpleNamespace(artifacts=artifacts))  # pyright: ignore[reportArgumentType]
    return model.predict(None, rows)


def test_codes_of_maps_freed_of_their_sites_are_those_of_predict(adjusting, demo, monai, tmp_path):
    paths, cohort, bundle = adjusting
    rows = cohort.iloc[[11, 2, 7]]
    write_tsv(rows, tmp_path / "maps.tsv")
    monai(
        "run",
        *("--config_file", str(bundle / "configs" / "inference.json"), "--bundle_root", str(bundle)),
        *("--table", str(tmp_path / "maps.tsv"), "--dataset_dir", str(demo.bids_dir)),
        *("--output_file", str(tmp_path / "codes.tsv"), "--batch_size", "2"),
    )
    codes = read_tsv(tmp_path / "codes.tsv")
    images = [str(demo.bids_dir / name) for name in rows["image"]]
    assert codes["image"].tolist() == images
    expected = predicted(paths, rows.assign(image=images)).reset_index(drop=True)
    pd.testing.assert_frame_equal(codes.drop(columns="image"), expected, atol=1e-5, rtol=0)
    latents = read_tsv(demo.paths.latents).loc[rows.index, list(codes.filter(regex=r"^[sz]_\d+$"))]
    assert np.abs(latents.to_numpy() - codes[list(latents)].to_numpy()).max() > 0.01


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.drop(columns="age"), "there is no covariate 'age'"),
        (lambda table: table.drop(columns="site"), "needs everybody's 'site'"),
        (
            lambda table: table.assign(site="elsewhere"),
            "the model knows the sites 1, 3, 5, 6 and not elsewhere",
        ),
    ],
)
def test_maps_of_which_it_does_not_know_enough_are_refused(adjusting, change, words, tmp_path):
    _, cohort, bundle = adjusting
    write_tsv(change(cohort.iloc[:2]), tmp_path / "maps.tsv")  # no map is there: refused before any is read
    parser = ConfigParser(read_json(bundle / "configs" / "inference.json"))
    parser.update({"bundle_root": str(bundle), "table": str(tmp_path / "maps.tsv")})
    with pytest.raises(RuntimeError) as refused:
        parser.get_parsed_content("run")
    assert words in str(refused.value.__cause__)


def test_what_it_must_know_is_described_and_its_shapes_are_as_stated(adjusting, monai):
    _, _, bundle = adjusting
    content = read_json(bundle / "configs" / "metadata.json")
    pytest.importorskip("jsonschema").validate(content, SCHEMA)
    inputs = content["network_data_format"]["inputs"]
    assert list(inputs) == ["image", "site", "age", "sex"]
    assert inputs["site"]["format"].startswith("code, one of 1, 3, 5, 6;")
    readme = (bundle / "docs" / "README.md").read_text(encoding="utf-8")
    assert "--table maps.tsv" in readme
    assert "| `sex` | code, one of 0, 1 |" in readme
    said = monai(
        "verify_net_in_out",
        *("--net_id", "network", "--bundle_root", str(bundle)),
        *("--meta_file", str(bundle / "configs" / "metadata.json")),
        *("--config_file", str(bundle / "configs" / "inference.json")),
    )
    assert "data shape of network is verified with no error" in said


def test_monai_agrees_with_the_stated_shapes(folder, monai):
    said = monai(
        "verify_net_in_out",
        *("--net_id", "network", "--bundle_root", str(folder)),
        *("--meta_file", str(folder / "configs" / "metadata.json")),
        *("--config_file", str(folder / "configs" / "inference.json")),
    )
    assert "data shape of network is verified with no error" in said


def test_nothing_in_it_names_a_place_or_a_person(folder, adjusting, demo):
    for file in (*folder.rglob("*"), *adjusting[2].rglob("*")):
        if file.suffix in (".json", ".md", ".txt"):
            text = file.read_text(encoding="utf-8")
            assert str(demo.paths.folder.parent) not in text
            assert not any(name in text for name in read_tsv(demo.paths.cohort)["participant_id"]), file
    assert "/home" not in json.dumps(read_json(folder / "configs" / "inference.json"))


def test_a_folder_in_use_and_a_folder_without_a_model_are_refused(folder, demo, tmp_path):
    with pytest.raises(InputError, match="not an empty folder"):
        export_bundle.run(demo.paths, folder)
    with pytest.raises(InputError, match="adhd-cvae train"):
        export_bundle.run(OutputPaths(tmp_path / "nothing"), tmp_path / "bundle")


def test_a_bundle_knows_the_sites_of_a_decoder_that_is_conditioned_on_them():
    trained = {"model": {}, "image": {"shape": [16, 16, 16]}, "voxels": 10}
    assert export_bundle.inference(trained | {"sites": ["a", "b"]})["network_def"]["sites"] == ["a", "b"]
    assert "sites" not in export_bundle.inference(trained)["network_def"]
