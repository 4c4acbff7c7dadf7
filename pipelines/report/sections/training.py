"""How the training went: losses by epoch, and what they are made of."""

from matplotlib.figure import Figure

from adhd_cvae.figures import training
from pipelines.output_dir.results import Results
from pipelines.report.section import Picture, Section


def _losses(results: Results) -> Figure | None:
    return None if results.history is None else training.training_losses(results.history)


def _terms(results: Results) -> Figure | None:
    history = results.history
    return (
        None if history is None or "cvae" not in set(history["model"]) else training.training_terms(history)
    )


SECTION = Section(
    "training",
    "Training",
    "The losses tell whether a model had converged and whether it does as well on participants held out.",
    pictures=(
        Picture(
            "training",
            "Losses by epoch",
            "Line chart of training, validation and held-out loss by epoch for each model; the lowest point is "
            "marked.",
            "Validation: a part of the training split that decides when to stop. Epoch 0 is the start, before "
            "any step. A validation curve that rises while the training one falls is overfitting.",
            _losses,
        ),
        Picture(
            "training_terms",
            "What the contrastive loss is made of",
            "Small line charts of each term that the objective has (reconstruction, Kullback-Leibler, "
            "total correlation, controls' salient code and others), of the critic's accuracy and of the units "
            "in use, by epoch.",
            "Unexplained variance: share of the maps' variance that the decoding misses. KL: information kept "
            "in a space, nats. The critic tells true (s, z) pairs from shuffled ones: an accuracy at the "
            "dotted line, 0.5, means that it finds no dependence. MMD² and HSIC: 0 where there is no difference "
            "or dependence. Units in use: those whose means differ between participants.",
            _terms,
        ),
    ),
)
