"""The MONAI bundle: what is in it, what MONAI says of it, and what it computes when MONAI runs it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json, read_tsv
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


def test_monai_agrees_with_the_stated_shapes(folder, monai):
    said = monai(
        "verify_net_in_out",
        *("--net_id", "network", "--bundle_root", str(folder)),
        *("--meta_file", str(folder / "configs" / "metadata.json")),
        *("--config_file", str(folder / "configs" / "inference.json")),
    )
    assert "data shape of network is verified with no error" in said


def test_nothing_in_it_names_a_place_or_a_person(folder, demo):
    for file in folder.rglob("*"):
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
