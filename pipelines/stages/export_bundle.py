"""A trained model as a MONAI bundle: a folder that `python -m monai.bundle run` runs, without pickle."""

import shutil
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json, write_json
from adhd_cvae.names import BACKGROUND, SALIENT, unit_names
from pipelines.mlflow_tracking.summary import held_out_scores
from pipelines.output_dir.bids_source import dataset_description
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance
from pipelines.output_dir.results import Results

SCHEMA = (
    "https://github.com/Project-MONAI/MONAI-extra-test-data/releases/download/0.8.1/meta_schema_20240725.json"
)
REFERENCES = (
    "Aglinskas, Hartshorne & Anzellotti 2022, doi:10.1126/science.abm2461",
    "Abid & Zou 2019, arXiv:1902.04601",
)


def run(paths: OutputPaths, folder: Path) -> Path:
    """Write the bundle of OUTPUT_DIR's contrastive model to `folder`.

    Raises
    ------
    InputError
        No trained and embedded model here, or `folder` holds something.
    """
    weights, settings = (paths.cvae.with_suffix(suffix) for suffix in (".safetensors", ".json"))
    for file, verb in ((weights, "train"), (settings, "train"), (paths.reference, "embed")):
        if not file.is_file():
            raise InputError(f"{file} is missing. Run `adhd-cvae {verb} {paths.folder}` first.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there and not an empty folder. Name another BUNDLE_DIR.")
    trained = read_json(settings)
    for name in ("configs", "models", "docs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(weights, folder / "models" / "model.safetensors")
    shutil.copyfile(paths.reference, folder / "models" / "reference.safetensors")
    write_json(inference(trained), folder / "configs" / "inference.json")
    dataset = str(Provenance.open(paths).content.get("dataset", "not stated"))
    metadata = describe(trained, dataset, held_out_scores(Results(paths.folder)))
    write_json(metadata, folder / "configs" / "metadata.json")
    (folder / "LICENSE").write_text(_licence(), encoding="utf-8")
    (folder / "docs" / "data_license.txt").write_text(
        _data_licence(dataset_description(paths.folder).get("License")), encoding="utf-8"
    )
    (folder / "docs" / "README.md").write_text(_readme(trained), encoding="utf-8")
    return folder


def inference(trained: dict[str, Any]) -> dict[str, Any]:
    """Let MONAI embed maps: `image` is a path or a pattern of paths, `output_file` the table."""
    return {
        "imports": ["$import glob", "$import torch"],
        "bundle_root": ".",
        "image": "maps/*.nii*",
        "output_file": "codes.tsv",
        "batch_size": 8,
        "device": "$torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        "grid": {"_target_": "adhd_cvae.config.ImageConfig", **trained["image"]},
        "network_def": {
            "_target_": "adhd_cvae.models.network.ContrastiveVAE",
            "config": {"_target_": "adhd_cvae.config.ModelConfig", **trained["model"]},
            "shape": trained["image"]["shape"],
            "voxels": trained["voxels"],
        },
        "network": {
            "_target_": "adhd_cvae.models.weights.load_weights",
            "model": "$@network_def.to(@device)",
            "path": "$@bundle_root + '/models/model.safetensors'",
        },
        "reference": {
            "_target_": "adhd_cvae.inference.out_of_distribution.load_reference",
            "path": "$@bundle_root + '/models/reference.safetensors'",
        },
        "preprocessing": {
            "_target_": "Compose",
            "transforms": [
                {
                    "_target_": "adhd_cvae.inference.monai_bundle.LoadGrayMatterMapd",
                    "keys": "image",
                    "grid": "@grid",
                }
            ],
        },
        "dataset": {
            "_target_": "Dataset",
            "data": "$[{'image': file, 'name': file} for file in sorted(glob.glob(@image))]",
            "transform": "@preprocessing",
        },
        "dataloader": {"_target_": "DataLoader", "dataset": "@dataset", "batch_size": "@batch_size"},
        "run": [
            {
                "_target_": "adhd_cvae.inference.monai_bundle.write_codes",
                "network": "@network",
                "reference": "@reference",
                "batches": "@dataloader",
                "path": "@output_file",
            }
        ],
    }


def describe(trained: dict[str, Any], dataset: str, scores: dict[str, float]) -> dict[str, Any]:
    """Describe the model as MONAI's schema of bundles asks."""
    ours = version("adhd-cvae")
    return {
        "schema": SCHEMA,
        "version": ours,
        "changelog": {ours: "exported by adhd-cvae export-bundle"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch").split("+")[0],
        "numpy_version": version("numpy"),
        "required_packages_version": {
            "adhd-cvae": ours,
            **{
                name: version(name)
                for name in ("nibabel", "nilearn", "safetensors", "scikit-learn", "torchio")
            },
        },
        "name": "adhd-cvae",
        "task": "Salient and background codes of gray-matter maps",
        "description": "Contrastive variational autoencoder: s holds anatomy that only patients vary in, z what "
        "patients and controls share.",
        "authors": "the users of adhd-cvae who trained it",
        "copyright": "see LICENSE and docs/data_license.txt",
        "data_source": dataset,
        "data_type": "nibabel",
        "image_classes": "gray-matter volume per voxel, in MNI space",
        "pred_classes": "posterior means of s, then z",
        "eval_metrics": scores,
        "intended_use": "Research on groups. It says nothing about one person and is no medical device.",
        "references": list(REFERENCES),
        "network_data_format": _data_format(trained),
    }


def _data_format(trained: dict[str, Any]) -> dict[str, Any]:
    """Shapes and meanings of the network's input and output."""
    sizes = (trained["model"]["salient"], trained["model"]["background"])
    names = unit_names(SALIENT, sizes[0]) + unit_names(BACKGROUND, sizes[1])
    image = {
        "type": "image",
        "format": "magnitude",
        "modality": "MR",
        "num_channels": 1,
        "spatial_shape": trained["image"]["shape"],
        "dtype": "float32",
        "value_range": [0, 10],
        "is_patch_data": False,
        "channel_def": {"0": "gray-matter volume"},
    }
    codes = {
        "type": "vector",
        "format": "posterior means",
        "num_channels": sum(sizes),
        "spatial_shape": [],
        "dtype": "float32",
        "value_range": [-100, 100],
        "is_patch_data": False,
        "channel_def": {str(unit): name for unit, name in enumerate(names)},
    }
    return {"inputs": {"image": image}, "outputs": {"pred": codes}}


def _licence() -> str:
    """The software's licence: part of an installed package, or at the root of a clone."""
    installed = distribution("adhd-cvae").read_text("licenses/LICENSE")
    return installed or Path(__file__).parents[2].joinpath("LICENSE").read_text(encoding="utf-8")


def _data_licence(licence: str | None) -> str:
    stated = (
        f"Their dataset states this licence: {licence}" if licence else "Their dataset states no licence."
    )
    return (
        "No maps are in this bundle. Its weights were learnt from maps of participants.\n"
        f"{stated}\n"
        "Terms of data can reach to what was learnt from them: ask whoever owns the data before you pass this on.\n"
        "ADHD-200, where it was used, is CC BY-NC.\n"
    )


def _readme(trained: dict[str, Any]) -> str:
    image = trained["image"]
    shape = " × ".join(str(side) for side in image["shape"])
    return f"""# adhd-cvae

A contrastive variational autoencoder of gray-matter maps: {trained["model"]["salient"]} salient units s, which only
patients use, and {trained["model"]["background"]} background units z, which patients and controls share.

Needs the package adhd-cvae {version("adhd-cvae")} and fire. From this folder:

```sh
python -m monai.bundle run --config_file configs/inference.json --image 'maps/*.nii.gz' --output_file codes.tsv
```

`image` is a path or a pattern; maps are in MNI space, on any grid, made as those the model was trained on. They are
resampled to {shape} voxels of {image["voxel_size"]:g} mm and smoothed by {image["fwhm"]:g} mm. From elsewhere, add
`--bundle_root` with this folder.

`codes.tsv` has one row a map: posterior means `s_…` and `z_…`, their standard deviations `…_sd`, `distance` from the
training participants (about 1 for a map like theirs) and `out_of_distribution`.

The weights are safetensors; there is no `model.pt`, which would be a pickle. A bundle's configuration is code:
run only those you trust. For research only.
"""
