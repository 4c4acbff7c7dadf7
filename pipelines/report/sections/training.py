"""TODO: pipelines.report.sections.training."""

from matplotlib.figure import Figure

from adhd_cvae.figures import training
from pipelines.output_dir.results import Results


def _training(results: Results) -> Figure | None:
    return None if results.history is None else training.training_losses(results.history)


def _training_terms(results: Results) -> Figure | None:
    history = results.history
    if history is None or "cvae" not in set(history["model"]):
        return None
    return training.training_terms(history)
