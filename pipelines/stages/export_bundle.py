"""A trained model as a MONAI bundle: a folder that `python -m monai.bundle run` runs, without pickle."""

from collections.abc import Sequence
from importlib.metadata import distribution, version
from pathlib import Path
from typing import Any

from adhd_cvae.errors import InputError
from adhd_cvae.inference.adjustment import ADJUSTMENT, Adjustment, load_adjustment
from adhd_cvae.io import copy, read_json, write_json, write_text
from adhd_cvae.names import BACKGROUND, SALIENT, unit_names
from bids_adapters.derivatives import read_description
from bids_adapters.head_size.measures import TIV
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
        No trained and embedded model here, or `folder` holds something.
    """
    weights, settings = (paths.cvae.with_suffix(suffix) for suffix in (".safetensors", ".json"))
    for file, verb in ((weights, "train"), (settings, "train"), (paths.reference, "embed")):
        if not file.is_file():
            raise InputError(f"{file} is missing. Run `adhd-cvae {verb} {paths.folder}` first.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} is there and not an empty folder. Name another BUNDLE_DIR.")
    with owned(folder, listed=False):
        _write(paths, read_json(settings), folder)
    return folder


def _write(paths: OutputPaths, trained: dict[str, Any], folder: Path) -> None:
    models = folder / "models"
    copy(paths.cvae.with_suffix(".safetensors"), models / "model.safetensors")
    copy(paths.reference, models / "reference.safetensors")
    if adjustment := load_adjustment(paths.adjustment):
        for suffix in (".safetensors", ".json"):
            copy(paths.adjustment.with_suffix(suffix), (models / ADJUSTMENT).with_suffix(suffix))
    asked = None if adjustment is None else needed_columns(adjustment)
    write_json(inference(trained, adjusts=asked is not None), folder / "configs" / "inference.json")
    dataset = str(Provenance.open(paths).content.get("dataset", "not stated"))
    metadata = describe(trained, dataset, out_of_fold_scores(Results(paths.folder)), asked)
    write_json(metadata, folder / "configs" / "metadata.json")
    licence = read_description(paths.folder).get("License")
    texts = {
        "LICENSE": _licence(),
        "docs/data_license.txt": _filled(
            "data_license.txt", licence=f"this licence: {licence}" if licence else "no licence."
        ),
        "docs/README.md": _readme(trained, asked),
    }
    for name, text in texts.items():
        write_text(text, folder / name)


def needed_columns(adjustment: Adjustment) -> dict[str, str]:
    """What a model that takes sites or covariates from maps must know of each: column to what stands in it."""
    found = {}
    if adjustment.site is not None:
        found[adjustment.site] = (
            f"{_one_of(adjustment.met)}; another is refused, or the average with new_site=average"
        )
    for column in adjustment.design.columns:
        found[column.name] = _one_of(column.levels) if column.levels else "number"
        if column.name == TIV and adjustment.tiv_source is not None:
            found[column.name] += f" of ml, from {adjustment.tiv_source}"
        if column.fill is not None:
            found[column.name] += f"; n/a is taken for {column.fill}"
    return found


def _one_of(codes: Sequence[str]) -> str:
    return f"code, one of {', '.join(codes)}"


def inference(trained: dict[str, Any], *, adjusts: bool = False) -> dict[str, Any]:
    """Let MONAI embed maps: `image` is a path or a pattern of paths, `output_file` the table.

    Where the model `adjusts` maps, `table` stands for `image` and says what is known of each.
    """
    content = read_json(TEMPLATES / "inference.json")
    if adjusts:
        del content["image"]
        content |= read_json(TEMPLATES / "adjusted.json")
        content["imports"].append("$import pathlib")
    content["grid"] |= trained["image"]
    network = content["network_def"]
    network["config"] |= {"trunk": "convolutions", **trained["model"]}  # version 0.1 knew no other
    sizes = {"voxels": trained["voxels"], "patches": trained.get("patches", 0)}
    sizes |= {name: trained[name] for name in ("sites",) if name in trained}
    network |= {"shape": trained["image"]["shape"], **sizes}
    return content


def describe(
    trained: dict[str, Any], dataset: str, scores: dict[str, float], asked: dict[str, str] | None
) -> dict[str, Any]:
    """Describe the model as MONAI's schema of bundles asks; `asked` as `needed_columns` gives it."""
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
    inputs = content["network_data_format"]["inputs"]
    inputs["image"]["spatial_shape"] = trained["image"]["shape"]
    one = {"type": "column of table", "num_channels": 1, "spatial_shape": [], "value_range": []}
    for name, meaning in (asked or {}).items():
        kind = "float64" if meaning.startswith("number") else "str"
        inputs[name] = one | {"format": meaning, "dtype": kind, "channel_def": {"0": name}}
    return content


def _licence() -> str:
    """The software's licence: part of an installed package, or at the root of a clone."""
    installed = distribution("adhd-cvae").read_text("licenses/LICENSE")
    return installed or Path(__file__).parents[2].joinpath("LICENSE").read_text(encoding="utf-8")


def _readme(trained: dict[str, Any], asked: dict[str, str] | None) -> str:
    maps, about = "--image 'maps/*.nii.gz'", "`image` is a path or a pattern;"
    if asked is not None:
        columns = "\n".join(f"| `{name}` | {meaning} |" for name, meaning in asked.items())
        maps, about = "--table maps.tsv", _filled("adjusted.md.txt", columns=columns)
    shape = " × ".join(str(side) for side in trained["image"]["shape"])
    return _filled(
        "README.md.txt",
        **{**trained["model"], **trained["image"], "shape": shape},
        version=version("adhd-cvae"),
        maps=maps,
        about_maps=about,
    )


def _filled(name: str, **gaps: Any) -> str:
    """A text of the bundle with its gaps filled."""
    return (TEMPLATES / name).read_text(encoding="utf-8").format(**gaps)
