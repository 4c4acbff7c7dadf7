"""What this very cohort could have shown: known effects planted in its own controls, and nothing planted."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from adhd_cvae.figures import sensitivity as figures
from adhd_cvae.names import ALPHA, rows_of
from pipelines.output_dir.results import Results, SensitivityFacts
from pipelines.output_dir.tables import headlines
from pipelines.report.formatting import ReportTable, counted, interval, listed, number, words
from pipelines.report.section import TableWords, read_section, sentences_of, words_of

Row = dict[str, Any]
sentence = sentences_of(__file__)
_QUOTED = 0.5
"""Of the effects planted the one nearest to this d is quoted."""


def summary(results: Results) -> str:
    """How often an effect would have been found; where that was not asked of results, how to ask."""
    if results.sensitivity is None:
        return "" if results.analysis("separation") is None else sentence("unasked")
    return _found(_quoted(results, results.sensitivity))


def paragraphs(results: Results) -> list[str]:
    """Everything in words, for the page and for a terminal; empty where it was not asked."""
    facts = results.sensitivity
    if facts is None:
        return []
    quoted = _quoted(results, facts)
    lent = {"names": listed(facts["references"]), "lent": facts["lent"]}
    found = [_found(quoted), *_groups(quoted), _extrapolated(quoted, facts)]
    limits = [_smallest(results, quoted), _false_positives(results)]
    cautions = [
        sentence("reference", **lent) if facts["references"] else "",
        *(sentence("within", controls=facts["controls"]), sentence("quick") if facts["quick"] else ""),
        *facts["notes"],
    ]
    joined = (" ".join(filter(None, parts)) for parts in (found, limits, cautions))
    return [part for part in joined if part]


@dataclass(frozen=True)
class _Quoted:
    """The effect that is quoted.

    Attributes
    ----------
    d
        What was planted.
    cohorts
        In how many participants, in words.
    tests
        Measure and effect to the rows of that size of cohort, without a background that was lent and with one.
    made
        The same of the largest cohorts that were made, where the others are extrapolated.
    planted
        Every effect.
    """

    size: int
    d: str
    cohorts: str
    tests: dict[tuple[str, str], dict[bool, Row]]
    made: dict[tuple[str, str], dict[bool, Row]]
    planted: frozenset[float]

    def of(self, measure: str) -> list[dict[bool, Row]]:
        """Rows of the effects of one measure."""
        return [pair for (name, _), pair in self.tests.items() if name == measure]


def _quoted(results: Results, facts: SensitivityFacts) -> _Quoted | None:
    """Choose the effect nearest to what is quoted, in cohorts whose size is nearest to the own."""
    rows = [row for row in _headlines(results.power) if pd.notna(row["significant"])]
    if not rows:
        return None
    planted = frozenset(float(row["cohens_d"]) for row in rows)
    d = min(planted, key=lambda one: (abs(one - _QUOTED), one))
    size = min((int(row["n"]) for row in rows), key=lambda one: (abs(one - facts["n"]), one))
    rows = [row for row in rows if row["cohens_d"] == d]
    chosen = next((row for row in rows if int(row["n"]) == size), rows[0])
    is_guess = chosen["extrapolated"] == 1
    gaps = {"n": size, "patients": int(chosen["patients"]), "own": facts["n"]}
    more = sentence("guessed") if is_guess else ""
    cohorts = sentence("like_yours" if size == facts["n"] else "smaller", more=more, **gaps)
    made = _pairs((row for row in rows if row["extrapolated"] != 1), facts["cohort_n"]) if is_guess else {}
    return _Quoted(size, f"{d:g}", cohorts, _pairs(rows, size), made, planted)


def _headlines(table: pd.DataFrame | None) -> list[Row]:
    """The rows of the headline measures, with their words as `panel`."""
    texts, rows = words_of(__file__)["measures"], headlines(table)
    for row in rows:
        text = texts[row["measure"]].format(effect=words(row["effect"]))
        row["panel"] = f"{text[0].upper()}{text[1:]}"
    return rows


def _pairs(rows: Iterable[Row], size: int) -> dict[tuple[str, str], dict[bool, Row]]:
    """Measure and effect to the rows of one size of cohort, without a background that was lent and with one."""
    found: dict[tuple[str, str], dict[bool, Row]] = {}
    for row in rows:
        if int(row["n"]) == size:
            found.setdefault((row["measure"], row["effect"]), {})[row["borrowed"] > 0] = row
    return found


def _found(quoted: _Quoted | None) -> str:
    """What share of cohorts finds the effect, of each severity; else of the groups."""
    severities = [] if quoted is None else quoted.of("r")
    if quoted is None or not severities:
        return " ".join(_groups(quoted))
    gaps = {"d": quoted.d, "cohorts": quoted.cohorts}
    first, *others = severities
    parts = [sentence("found", **gaps, **_shares(first, "lent"))]
    parts += [sentence("also", **_shares(pair, "lent_more")) for pair in others]
    return f"{'; '.join(parts)}. {sentence('means')}"


def _groups(quoted: _Quoted | None) -> list[str]:
    """What share tells the groups, and what share shows a voxel."""
    if quoted is None:
        return []
    of = "" if quoted.of("r") else sentence("of", cohorts=quoted.cohorts)
    tests = [(name, pair) for name in ("auc", "dice") for pair in quoted.of(name)]
    return [sentence(name, of=of, **_shares(pair, "lent_more")) for name, pair in tests]


def _extrapolated(quoted: _Quoted | None, facts: SensitivityFacts) -> str:
    """What the largest cohorts that could be made have found, where the others are an extrapolation."""
    made = {} if quoted is None else quoted.made
    pair = next((pair for (name, _), pair in made.items() if name == "r"), next(iter(made.values()), None))
    if pair is None:
        return ""
    gaps = {"controls": facts["controls"], "cohort_n": facts["cohort_n"]}
    return sentence("extrapolated", **gaps, **_shares(pair, "lent_more"))


def _shares(pair: dict[bool, Row], lent: str) -> dict[str, str]:
    """What fills the gaps of a sentence on one test: effect, share without a background that was lent, and with."""
    more = sentence(lent, share=_share(pair[True])) if True in pair else ""
    alone = pair.get(False, {"significant": None, "significant_low": None, "significant_high": None})
    effect = next(iter(pair.values()))["effect"]
    return {"effect": words(effect), "share": _share(alone), "lent": more}


def _share(row: Row) -> str:
    ends = ""
    if pd.notna(row["significant_low"]) and pd.notna(row["significant_high"]):
        ends = f" ({interval(100 * row['significant_low'], 100 * row['significant_high'], 0)} %)"
    return "n/a" if pd.isna(row["significant"]) else f"{_percent(row['significant'])}{ends}"


def _percent(share: float) -> str:
    return f"{number(100 * share, 0)} %"


def _smallest(results: Results, quoted: _Quoted | None) -> str:
    """The smallest effect that is found often enough, of each severity, in the cohorts that were quoted."""
    pairs = {} if quoted is None else _pairs(_headlines(results.smallest), quoted.size)
    largest = f"{max(quoted.planted):g}" if quoted is not None else ""
    severities = [pair for (measure, _), pair in pairs.items() if measure == "r" and False in pair]
    effects = [_threshold(pair, largest) for pair in severities]
    return sentence("smallest", effects="; ".join(effects)) if effects else ""


def _threshold(pair: dict[bool, Row], largest: str) -> str:
    alone, lent = pair[False], ""
    if True in pair and pd.notna(pair[True]["cohens_d"]):
        lent = sentence("one_lent", **_limit(pair[True]))
    if pd.isna(alone["cohens_d"]):
        return sentence("none", effect=words(alone["effect"]), largest=largest, lent=lent)
    return sentence("one", effect=words(alone["effect"]), lent=lent, **_limit(alone))


def _limit(row: Row) -> dict[str, str]:
    low, high = (number(row[name], 2) for name in ("ci_low", "ci_high"))
    ends = sentence("ends" if pd.notna(row["ci_high"]) else "open", low=low, high=high)
    return {"d": number(row["cohens_d"], 2), "interval": ends if pd.notna(row["ci_low"]) else ""}


def _false_positives(results: Results) -> str:
    table = results.false_positives
    rows = [] if table is None else [row for row in rows_of(table) if pd.notna(row["below"])]
    if not rows:
        return ""
    shares = [100 * row["below"] for row in rows]
    above = [f"{_test(row)} ({number(100 * row['below'], 0)} %)" for row in rows if row["ci_low"] > ALPHA]
    return sentence(
        "false_positives",
        shares=f"{number(min(shares), 0)} to {number(max(shares), 0)} %",
        tests=counted(len(rows), "test"),
        verdict=sentence("broken", tests=listed(above)) if above else sentence("honest"),
    )


def _test(row: Row) -> str:
    return f"{words(row['test'])}{', with the reference' if row['borrowed'] > 0 else ''}"


def _power_figure(results: Results) -> Figure | None:
    facts, rows = results.sensitivity, _headlines(results.power)
    return figures.power_curves(pd.DataFrame(rows), facts["n"]) if facts is not None and rows else None


def _false_positives_figure(results: Results) -> Figure | None:
    table = results.false_positives
    known = pd.DataFrame() if table is None else table.dropna(subset=["below"])
    return None if known.empty else figures.false_positives(known)


def _asked_table(results: Results) -> ReportTable | None:
    """The cohort, what could be made of its controls, and who lent; it is there whatever else could be answered."""
    facts, shown = results.sensitivity, TableWords.of(__file__, "asked")
    if facts is None:
        return None
    texts = words_of(__file__)["tables"]["asked"]["rows"]
    rows = [
        [texts["own"], *shown.cells({"n": facts["n"], "patients": facts["patients"]})],
        [
            texts["made"].format(controls=facts["controls"]),
            *shown.cells({"n": facts["cohort_n"], "patients": facts["cohort_patients"]}),
        ],
    ]
    if facts["references"]:
        name = texts["lent"].format(names=listed(facts["references"]))
        rows.append([name, *shown.cells({"n": facts["lent"], "patients": 0})])
    return shown.shown({"": rows}, "")


def _power_table(results: Results) -> ReportTable | None:
    """Tests by effects, a block for each size of cohort with a background that was lent and without."""
    rows, blocks = _headlines(results.power), {}
    sizes = sorted({float(row["cohens_d"]) for row in rows})
    for row in sorted(rows, key=lambda row: (row["n"], row["borrowed"] > 0)):
        tests = blocks.setdefault(_block(row), {})
        tests.setdefault(row["panel"], dict.fromkeys(sizes, ""))[row["cohens_d"]] = _cell(row)
    cells = {name: [[test, *of.values()] for test, of in tests.items()] for name, tests in blocks.items()}
    texts, headings = TableWords.of(__file__, "power"), ("test", *(f"d = {size:g}" for size in sizes))
    return ReportTable(texts.caption, headings, cells, title=texts.title) if rows else None


def _block(row: Row) -> str:
    lent = words_of(__file__)["lent"][row["borrowed"] > 0]
    return f"{int(row['n'])} participants, {lent}{', extrapolated' if row['extrapolated'] == 1 else ''}"


def _cell(row: Row) -> str:
    return _share(row).replace(" %", "")


def _smallest_table(results: Results) -> ReportTable | None:
    shown, blocks = TableWords.of(__file__, "smallest"), {}
    for row in _headlines(results.smallest):
        block = blocks.setdefault(words_of(__file__)["lent"][row["borrowed"] > 0], [])
        block.append([row["panel"], *shown.cells(row)])
    return shown.shown(blocks, "test") if blocks else None


def _false_positives_table(results: Results) -> ReportTable | None:
    if results.false_positives is None:
        return None
    shown, blocks = TableWords.of(__file__, "false_positives"), {}
    for row in rows_of(results.false_positives):
        block = blocks.setdefault(words_of(__file__)["lent"][row["borrowed"] > 0], [])
        of_hundred = {name: 100 * row[name] for name in ("below", "ci_low", "ci_high")}
        block.append([words(row["test"]), *shown.cells({**row, **of_hundred})])
    return shown.shown(blocks, "test")


SECTION = read_section(
    __file__,
    {"power": _power_figure, "false_positives": _false_positives_figure},
    sentences=paragraphs,
    tables=(_asked_table, _power_table, _smallest_table, _false_positives_table),
)
