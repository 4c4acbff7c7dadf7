"""Arguments and options of the verbs, each named once."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer


def folder(metavar: str, text: str) -> Any:
    """Describe an argument that names a folder; what may not be read there is no wrong command."""
    return typer.Argument(metavar=metavar, help=text, readable=False)


def file(option: str, text: str) -> Any:
    """Describe an option that names a file, as `folder`."""
    return typer.Option(option, metavar="FILE", help=text, readable=False)


BidsDir = Annotated[Path, folder("BIDS_DIR", "BIDS dataset with gray-matter maps.")]
NewBidsDir = Annotated[Path, folder("BIDS_DIR", "Folder for the new BIDS dataset.")]
MapsDir = Annotated[Path, folder("MAPS_DIR", "Folder of mwrc1<id>.nii[.gz] files.")]
BundleDir = Annotated[Path, folder("BUNDLE_DIR", "Folder for the new bundle.")]
NewRecipe = Annotated[Path, folder("RECIPE.yaml", "The new recipe. Nothing is overwritten.")]
OutputDir = Annotated[Path, folder("OUTPUT_DIR", "Folder of the results.")]
_TABLE = file("--phenotype", "Table of participants, beside those of a dataset. Repeatable.")
Phenotype = Annotated[list[Path], _TABLE]
Tables = Annotated[list[Path] | None, _TABLE]
RecipeName = Annotated[
    str | None,
    typer.Option(
        "--recipe", metavar="NAME|FILE", help="adhd200, demo, smoke, as-published, or a YAML file. Default: "
        "adhd200; for a later stage, the recipe OUTPUT_DIR was made with.",
    ),
]  # fmt: skip
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Change one setting, e.g. model.salient=4. Repeatable."),
]
DryRun = Annotated[
    bool,
    typer.Option("--dry-run", help="Say what names, tables and headers tell; write nothing."),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results made with other settings.")]
Promote = Annotated[
    bool, typer.Option("--promote", help="Make this model the champion if it beats the present one.")
]
Live = Annotated[
    bool, typer.Option("--live/--no-live", help="Show losses in MLflow while the model is trained.")
]
EnsembleSeeds = Annotated[
    int, typer.Option("--seeds", min=1, help="group: train so many times, and average what agrees.")
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "--participant-label", metavar="LABEL ...", help="Only these participants, with or without sub-."
    ),
]
FilterFile = Annotated[Path | None, file("--bids-filter-file", "JSON of BIDS entities that choose the maps.")]
Prefer = Annotated[Path | None, file("--prefer", "The phenotype table to trust where two disagree.")]
Model = Annotated[
    str | None, typer.Option("--model", metavar="URI", help="Registered model, for the participant level.")
]
NewSite = Annotated[
    Literal["refuse", "average", "pool"],
    typer.Option(
        "--new-site", help="Participant level: take a site that a harmonising model has not met for the average, "
        "or learn it from its own controls.",
    ),
]  # fmt: skip
Port = Annotated[int, typer.Option("--port", min=1, max=65535, help="First port tried.")]
Participants = Annotated[int, typer.Option("--participants", min=8, help="How many, patients and controls.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=2**32 - 1, help="Same seed, same bytes.")]
CohensD = Annotated[
    float,
    typer.Option("--cohens-d", min=0, max=5, help="Planted loss at mean severity, in standard deviations."),
]
SiteConfound = Annotated[
    float, typer.Option("--site-confound", min=0, max=1, help="How unevenly patients spread over sites.")
]
Sites = Annotated[int, typer.Option("--sites", min=1, max=20, help="Scanning sites.")]
AgeGap = Annotated[
    float,
    typer.Option("--age-gap", metavar="YEARS", min=-6, max=6, help="How much older patients are on average."),
]
HeadSizeGap = Annotated[
    float | None,
    typer.Option(
        "--head-size-gap",
        metavar="SD",
        min=-3,
        max=3,
        help="Let head size vary, patients' mean so much larger; a column tiv.",
    ),
]
Severities = Annotated[
    int, typer.Option("--severities", min=1, max=3, help="Independent severities planted in patients.")
]
Subtypes = Annotated[
    int, typer.Option("--subtypes", min=0, max=3, help="Discrete subtypes instead; 0 for none.")
]
Dask = Annotated[
    str | None,
    typer.Option("--dask", metavar="ADDRESS", help="Scheduler of a Dask cluster that shares the work."),
]
Population = Annotated[
    int,
    typer.Option("--population", min=0, help="Another has other regions, more anatomy and stronger sites."),
]
Null = Annotated[bool, typer.Option("--null", help="No effect of anything on any map.")]
ReferenceDir = Annotated[
    Path | None, folder("OUTPUT_DIR", "Folder of the reference; with --merge it is the only argument.")
]
Merge = Annotated[
    list[Path] | None,
    typer.Option(
        "--merge",
        metavar="FOLDER ...",
        help="References that were learnt apart, put together.",
        readable=False,
    ),
]
Shareable = Annotated[
    bool, typer.Option("--shareable", help="Keep so few axes that members are hardly told from others.")
]
SiteNames = Annotated[bool, typer.Option("--site-names", help="Let the reference name its sites.")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, help="Processes of one core each. Default: all cores.")
]
FirstAnswer = Annotated[
    bool, typer.Option("--quick", help="Fewer cohorts: a first answer, with wide intervals, in minutes.")
]
Export = Annotated[
    Path | None,
    typer.Option(
        "--export",
        metavar="DIR",
        help="Only write one planted cohort as a BIDS dataset that any tool can be tried on.",
        readable=False,
    ),
]
