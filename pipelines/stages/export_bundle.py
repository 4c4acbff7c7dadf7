"""A trained model as a MONAI bundle: a folder that `python -m monai.bundle run` runs, without pickle."""

from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

from adhd_cvae.errors import InputError
from adhd_cvae.io import copy, read_json, write_json, write_text
from adhd_cvae.names import BACKGROUND, SALIENT, unit_names
from bids_adapters.derivatives import read_description
from pipelines.mlflow_tracking.summary import out_of_fold_scores
from pipelines.output_dir.ownership import owned
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance
from pipelines.output_dir.results import Results

TEMPLATES = Path(__file__).with_name("bundle")
"""The bundle's files, with gaps for what depends on the model."""


def run(paths: OutputPaths, folder: Path) -> Path:
    """Write the bundle of OUTPUT_DIR's contrastive model to `folder`.

    Raises
    ------
    InputError
        No trained and embedded model here, one that harmonises or residualises, or `folder` holds something.
    """
    weights, settings = (paths.cvae.with_suffix(suffix) for suffix in (".safetensors", ".json"))
    for file, verb in ((weights, "train"), (settings, "train"), (paths.reference, "embed")):
        if not file.is_file():
            raise InputError(f"{file} is missing. Run `adhd-cvae {verb} {paths.folder}` first.")
    if paths.adjustment.with_suffix(".json").is_file():
        raise InputError(
            f"{paths.folder}: this model takes sites or covariates from maps before it sees them, and a bundle is "
            "given maps alone. Use the registered model, whose predict asks for them, or train with "
            "cohort.harmonise=none and cohort.residualise=false."
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there and not an empty folder. Name another BUNDLE_DIR.")
    with owned(folder, listed=False):
        _write(paths, read_json(settings), folder)
    return folder


def _write(paths: OutputPaths, trained: dict[str, Any], folder: Path) -> None:
    copy(paths.cvae.with_suffix(".safetensors"), folder / "models" / "model.safetensors")
    copy(paths.reference, folder / "models" / "reference.safetensors")
    write_json(inference(trained), folder / "configs" / "inference.json")
    dataset = str(Provenance.open(paths).content.get("dataset", "not stated"))
    metadata = describe(trained, dataset, out_of_fold_scores(Results(paths.folder)))
    write_json(metadata, folder / "configs" / "metadata.json")
    licence = read_description(paths.folder).get("License")
    texts = {
        "LICENSE": _licence(),
        "docs/data_license.txt": _filled(
            "data_license.txt", licence=f"this licence: {licence}" if licence else "no licence."
        ),
        "docs/README.md": _readme(trained),
    }
    for name, text in texts.items():
        write_text(text, folder / name)


def inference(trained: dict[str, Any]) -> dict[str, Any]:
    """Let MONAI embed maps: `image` is a path or a pattern of paths, `output_file` the table."""
    content = read_json(TEMPLATES / "inference.json")
    content["grid"] |= trained["image"]
    network = content["network_def"]
    network["config"] |= {"trunk": "convolutions", **trained["model"]}  # version 0.1 knew no other
    sizes = {"voxels": trained["voxels"], "patches": trained.get("patches", 0)}
    network |= {"shape": trained["image"]["shape"], **sizes}
    return content


def describe(trained: dict[str, Any], dataset: str, scores: dict[str, float]) -> dict[str, Any]:
    """Describe the model as MONAI's schema of bundles asks."""
    ours = version("adhd-cvae")
    content = read_json(TEMPLATES / "metadata.json") | {
        "version": ours,
        "changelog": {ours: "exported by adhd-cvae export-bundle"},
        "monai_version": version("monai"),
        "pytorch_version": version("torch").split("+")[0],
        "numpy_version": version("numpy"),
        "data_source": dataset,
        "eval_metrics": scores,
    }
    needed = content["required_packages_version"]
    needed |= {name: version(name) for name in needed}
    sizes = (trained["model"]["salient"], trained["model"]["background"])
    names = unit_names(SALIENT, sizes[0]) + unit_names(BACKGROUND, sizes[1])
    codes = content["network_data_format"]["outputs"]["pred"]
    codes |= {"num_channels": sum(sizes), "channel_def": {str(unit): name for unit, name in enumerate(names)}}
    content["network_data_format"]["inputs"]["image"]["spatial_shape"] = trained["image"]["shape"]
    return content


def _licence() -> str:
    """The software's licence: part of an installed package, or at the root of a clone."""
    installed = distribution("adhd-cvae").read_text("licenses/LICENSE")
    return installed or Path(__file__).parents[2].joinpath("LICENSE").read_text(encoding="utf-8")


def _readme(trained: dict[str, Any]) -> str:
    shape = " × ".join(str(side) for side in trained["image"]["shape"])
    return _filled(
        "README.md.txt",
        **{**trained["model"], **trained["image"], "shape": shape},
        version=version("adhd-cvae"),
    )


def _filled(name: str, **gaps: Any) -> str:
    """A text of the bundle with its gaps filled."""
    return (TEMPLATES / name).read_text(encoding="utf-8").format(**gaps)
