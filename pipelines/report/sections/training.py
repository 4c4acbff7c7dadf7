"""How the training went: losses by epoch, and what they are made of."""

from matplotlib.figure import Figure

from adhd_cvae.figures import training
from pipelines.output_dir.results import Results
from pipelines.report.section import read_section


def _losses(results: Results) -> Figure | None:
    return None if results.history is None else training.training_losses(results.history)


def _terms(results: Results) -> Figure | None:
    history = results.history
    return (
        None if history is None or "cvae" not in set(history["model"]) else training.training_terms(history)
    )


SECTION = read_section(__file__, {"training": _losses, "training_terms": _terms})
