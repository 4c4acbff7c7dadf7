"""The one register of pictures: file, title, what a reader who cannot see it is told, and how to read it."""

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from matplotlib.figure import Figure

from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable


@dataclass(frozen=True)
class Picture:
    """A figure of the report.

    Attributes
    ----------
    name
        File name under ``figures/``, without its ending.
    section
        Part of the report it belongs to.
    title
        Heading of its caption.
    alt
        What it shows, for a reader who cannot see it.
    caption
        How to read it.
    wide
        Whether it takes the page's full width on a desktop.
    """

    name: str
    section: str
    title: str
    alt: str
    caption: str
    wide: bool = False

    @property
    def heading(self) -> str:
        """The title, ended."""
        return self.title if self.title.endswith("?") else f"{self.title}."

    @property
    def file(self) -> str:
        """File name with its ending."""
        return f"{self.name}.svg"


def _umap(space: str, words: str) -> Picture:
    return Picture(
        f"umap_{space}_variables",
        "latents",
        f"Map of {words}, by variable",
        f"UMAP scatter of {words}, repeated once a variable and coloured by it; one point a participant.",
        "The same points each time. Light: high; dark: low. Gray: value missing.",
    )


PICTURES = (
    Picture(
        "flow",
        "cohort",
        "Who is in this analysis",
        "Flow chart: participants found, left out, kept, and split into trained on and held out, by group.",
        "No model learns from held-out participants. They are there to check what it learnt.",
    ),
    Picture(
        "exclusions",
        "cohort",
        "Left out, and why",
        "Bar chart of the number of participants or files left out for each reason and stage.",
        "A participant can be named at more than one stage.",
    ),
    Picture(
        "exclusions_maps",
        "cohort",
        "Maps left out that can be drawn",
        "Sagittal, coronal and axial slice of each map that was read but refused, under the reason.",
        "As they lie in template space, each in its own gray scale, with the border of the template's gray matter; "
        "at most twelve, every reason first. A brain mirrored left for "
        "right looks like any other and is not found.",
        wide=True,
    ),
    Picture(
        "outliers",
        "cohort",
        "Maps farthest from the mean map",
        "Sagittal, coronal and axial slice of the prepared maps that differ most from the mean map, farthest "
        "first, each under its rank and distance.",
        "Distance: root mean square, over the brain, of the difference from the mean map in standard "
        "deviations; about 1 for a usual map. These maps are in the analysis: look for bad segmentation.",
        wide=True,
    ),
    Picture(
        "age_sex",
        "cohort",
        "Age and sex",
        "Left: histograms of age by group. Right: share of each sex by group.",
        "Shares within each group, so that groups of unequal size compare.",
    ),
    Picture(
        "sites",
        "confounding",
        "Participants by site and group",
        "Bar chart of the number of patients and controls at each site; the numbers are in the table below.",
        "Where a site has one group only, its scanner cannot be told from the diagnosis.",
    ),
    Picture(
        "training",
        "training",
        "Losses by epoch",
        "Line chart of training, validation and held-out loss by epoch for each model; the lowest point is "
        "marked.",
        "Validation: a part of the training split that decides when to stop. Epoch 0 is the start, before "
        "any step. A validation curve that rises while the training one falls is overfitting.",
    ),
    Picture(
        "training_terms",
        "training",
        "What the contrastive loss is made of",
        "Small line charts of each term that the objective has (reconstruction, Kullback-Leibler, "
        "total correlation, controls' salient code and others), of the critic's accuracy and of the units "
        "in use, by epoch.",
        "Unexplained variance: share of the maps' variance that the decoding misses. KL: information kept "
        "in a space, nats. The critic tells true (s, z) pairs from shuffled ones: an accuracy at the "
        "dotted line, 0.5, means that it finds no dependence. MMD² and HSIC: 0 where there is no difference "
        "or dependence. Units in use: those whose means differ between participants.",
    ),
    Picture(
        "reconstructions",
        "reconstructions",
        "Observed and decoded anatomy",
        "Axial gray-matter slices, one row a participant: observed, full decoding, background-only "
        "decoding and salient-only decoding.",
        "Background only is the participant's twin: the same shared anatomy with s = 0. Controls are "
        "decoded with s = 0 by construction, but for the objective of a plain VAE. Brighter is more gray "
        "matter. The participant's left is on "
        "the left.",
        wide=True,
    ),
    Picture(
        "reconstruction_error",
        "reconstructions",
        "Reconstruction against PCA",
        "Scatter of each participant's unexplained share of variance by PCA and by the contrastive VAE, "
        "with the line of equality.",
        "Below the dotted line the model reconstructs better than PCA with as many components.",
    ),
    Picture(
        "salient_scatter",
        "latents",
        "Salient units",
        "Scatter of the first two salient units' posterior means, patients and controls told apart.",
        "Controls are encoded too, though the model decodes them without s: their spread shows what leaks "
        "into s.",
    ),
    Picture(
        "umap_group",
        "latents",
        "Map of each space, by group",
        "UMAP scatter of each latent space, one point a participant, patients and controls told apart.",
        "UMAP keeps neighbourhoods, not distances or sizes: a gap in it is a hint, not a test.",
    ),
    _umap("salient", "the salient space"),
    _umap("background", "the background space"),
    _umap("vae", "the plain VAE's space"),
    Picture(
        "rsa",
        "rsa",
        "Representational similarity",
        "Bar chart of Kendall's tau for each variable in each space, with interval and the band of chance; "
        "the numbers are in the table below.",
        "Positive: participants who differ more in the variable lie farther apart in the space. Gray: "
        "where 95 % of permutations fall. Star: p below 0.05 after correction for the whole table.",
        wide=True,
    ),
    Picture(
        "silhouette",
        "geometry",
        "Do categories form clusters?",
        "Bar chart of the silhouette of each variable in each space; the numbers are in the table below.",
        "Numbers are split at their median. Star: p below 0.05 when the labels are permuted, not corrected "
        "for the number of variables.",
    ),
    Picture(
        "mixture",
        "geometry",
        "One cluster or several?",
        "Line chart of the Bayesian information criterion by number of mixture components, one line a "
        "covariance form, one panel a space.",
        "Lower is better; the dot is each line's lowest point, the shade the range over posterior draws.",
    ),
    Picture(
        "probes",
        "leakage",
        "What can be read out of each space",
        "Bar chart of cross-validated probe scores by target and space, beside the 95th percentile under "
        "shuffled targets; the numbers are in the table below.",
        "A bar beyond its black mark is better than 95 % of shuffled targets.",
        wide=True,
    ),
    Picture(
        "recovery",
        "recovery",
        "Recovery of what was planted",
        "Bar chart of how well each planted factor is predicted from each space and from linear baselines; "
        "the numbers are in the table below.",
        "High in s and low in z is what a contrastive model promises; contrastive PCA is the mark to beat. "
        "Ridge of the others: fitted on the participants trained on, tried on those held out.",
    ),
    Picture(
        "effect_map",
        "brain",
        "Patients minus their background twins",
        "Axial slices of the MNI152 template overlaid with the mean change of gray-matter volume that the "
        "salient space adds in patients.",
        "Mean over patients of the full decoding minus the twin. Blue: less gray matter. Not a test: see "
        "the next picture. The participant's left is on the left.",
        wide=True,
    ),
    Picture(
        "effect_test",
        "brain",
        "Where that change is beyond chance",
        "Axial slices of the MNI152 template overlaid with the t statistic of patients minus their twins "
        "where the corrected p is below 0.05.",
        "t over patients, shown where p < 0.05 after correction for all voxels and the change is at least a tenth "
        "of the largest.",
        wide=True,
    ),
    Picture(
        "severity_maps",
        "brain",
        "Where that change goes with scores",
        "Axial slices of the MNI152 template overlaid with how much the change differs between patients one "
        "standard deviation apart in each battery of scores, where the corrected p is below 0.05.",
        "Slope over patients: further change for one standard deviation more of the battery's first component, shown "
        "where p < 0.05 after correction for all voxels and the slope is at least a tenth of the largest.",
        wide=True,
    ),
    Picture(
        "salient_maps",
        "brain",
        "One map for each salient unit",
        "Axial slices of the MNI152 template overlaid with the change of gray-matter volume for one unit "
        "of each salient unit.",
        "Change of the decoding per unit of s, at s = 0. The sign of a unit is arbitrary.",
        wide=True,
    ),
    Picture(
        "traversals",
        "brain",
        "Moving along a salient unit",
        "Axial slices of the change of gray-matter volume as each salient unit takes a series of values, "
        "one row a unit.",
        "The unit's value is below each slice; everything else stays at the average. Each unit is shown at "
        "the height of its largest change.",
        wide=True,
    ),
    Picture(
        "component_maps",
        "brain",
        "How patients' changes differ from one another",
        "Axial slices of the MNI152 template overlaid with the principal components of patients minus their "
        "twins, one row a component.",
        "Principal components of patients minus their twins, over all patients. The sign of a component is "
        "arbitrary.",
        wide=True,
    ),
    Picture(
        "component_sites",
        "brain",
        "Are they the same at a site left out?",
        "Dot chart, one panel a component and one row a site left out, of the share of the variance between its "
        "patients that the other sites' component takes, beside what its own would; the numbers are in the table.",
        "Components are fitted without the site and tried on its patients. The closer the dot to the ring, the "
        "more the sites agree.",
    ),
)
BY_NAME = {picture.name: picture for picture in PICTURES}


def _variables_of(results: Results, table: str, draw: Callable[..., Figure]) -> Figure | None:
    """Draw a table whose rows carry a variable (or target), with the words for each."""
    rows = results.analysis(table)
    if rows is None:
        return None
    column = "variable" if "variable" in rows else "target"
    return draw(rows, {name: results.label(str(name)) for name in rows[column].unique()})


def _whole_table(table: str, draw: Callable[[pd.DataFrame], Figure]) -> Callable[[Results], Figure | None]:
    def drawer(results: Results) -> Figure | None:
        rows = results.analysis(table)
        return None if rows is None else draw(rows)

    return drawer


@dataclass(frozen=True)
class EmbeddedPicture:
    """A picture with its bytes: nothing is fetched when the page opens."""

    picture: Picture
    source: str
    width: int
    height: int


@dataclass(frozen=True)
class Section:
    """A part of the page; one with neither pictures nor tables nor words is not shown.

    Attributes
    ----------
    name
        Anchor, and the name its pictures carry.
    words
        Paragraphs before the pictures.
    viewer
        Content of the brain viewer, where the section has one.
    """

    name: str
    title: str
    words: list[str]
    pictures: list[EmbeddedPicture]
    tables: list[ReportTable]
    viewer: str | None = None
