"""Arguments and options of the verbs, each named once."""

from pathlib import Path
from typing import Annotated

import typer

BidsDir = Annotated[Path, typer.Argument(metavar="BIDS_DIR", help="BIDS dataset with gray-matter maps.")]
NewBidsDir = Annotated[Path, typer.Argument(metavar="BIDS_DIR", help="Folder for the new BIDS dataset.")]
OutputDir = Annotated[Path, typer.Argument(metavar="OUTPUT_DIR", help="Folder of the results.")]
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
FilterFile = Annotated[
    Path | None,
    typer.Option("--bids-filter-file", metavar="FILE", help="JSON of BIDS entities that choose the maps."),
]
Prefer = Annotated[
    Path | None,
    typer.Option("--prefer", metavar="FILE", help="The phenotype table to trust where two disagree."),
]
Model = Annotated[
    str | None, typer.Option("--model", metavar="URI", help="Registered model, for the participant level.")
]
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
