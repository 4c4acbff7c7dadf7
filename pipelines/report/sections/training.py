"""How the training went: which step earned its place, losses by epoch, and what they are made of."""

import pandas as pd
from matplotlib.figure import Figure

from adhd_cvae.figures import training
from adhd_cvae.names import rows_of
from pipelines.output_dir.results import Results
from pipelines.report.formatting import ReportTable, counted, number
from pipelines.report.section import TableWords, read_section, words_of


def _losses(results: Results) -> Figure | None:
    return None if results.history is None else training.training_losses(results.history)


def _terms(results: Results) -> Figure | None:
    history = results.history
    return (
        None if history is None or "cvae" not in set(history["model"]) else training.training_terms(history)
    )


def _models(results: Results) -> dict[str, pd.DataFrame]:
    """Words of each model to its rows of ``earned.tsv``."""
    table, names = results.earned, words_of(__file__)["models"]
    if table is None:
        return {}
    return {names[model]: rows for model in names if len(rows := table.loc[table["model"] == model])}


def earned_sentences(results: Results) -> list[str]:
    """Which step each model kept, in words."""
    found = []
    for name, rows in _models(results).items():
        kept = rows.loc[rows["kept"] == 1].iloc[0]
        spread = "" if pd.isna(kept["gain_nats_sd"]) else f" ± {number(kept['gain_nats_sd'], 1)}"
        gain, splits = number(kept["gain_nats"], 1) + spread, counted(int(kept["splits"]), "validation split")
        sentences = words_of(__file__)["kept" if kept["splits"] else "kept_unmeasured"]
        found.append(sentences[kept["step"]].format(model=name, gain=gain, splits=splits))
    return found


def _earned(results: Results) -> ReportTable | None:
    """What each step gained, of both models."""
    if results.earned is None:
        return None
    steps, words = words_of(__file__)["steps"], TableWords.of(__file__, "earned")
    blocks = {
        name: [
            [
                f"{steps[row['step']]}{' (kept)' if row['kept'] else ''}",
                f"{row['epochs']:.0f}",
                *(
                    _spread(row, column, digits)
                    for column, digits in (("gain_nats", 1), ("gain_explained", 3))
                ),
            ]
            for row in rows_of(rows)
        ]
        for name, rows in _models(results).items()
    }
    headings = ("step", "epochs", "gain, nats a participant", "gain, share of variance explained")
    return ReportTable(words.caption, headings, blocks, title=words.title)


def _spread(row: dict[str, float], column: str, digits: int) -> str:
    """Mean ± standard deviation over the validation splits."""
    spread = row[f"{column}_sd"]
    return number(row[column], digits) + ("" if pd.isna(spread) else f" ± {number(spread, digits)}")


SECTION = read_section(
    __file__,
    {"training": _losses, "training_terms": _terms},
    sentences=earned_sentences,
    tables=(_earned,),
)
