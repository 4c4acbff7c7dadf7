"""ADHD-200's code book: names, codes, units and levels of its columns, and every spelling seen of them."""

import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bids_adapters.phenotype.text_table import snake_case

MISSING_CODES = frozenset({"", "n/a", "na", "nan", "null", "#n/a", ".", "pending", "withheld"})
MISSING_NUMBER = -999.0
_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+", re.ASCII)
_LARGEST_EXACT_INTEGER = 2**53


@dataclass(frozen=True)
class Column:
    """One column of the code book.

    `words` maps text seen instead of a code, as a regular expression on plain lower-case words, to the code;
    the first that is found counts. `foreign` are numbers that betray another study's coding of the same name.
    """

    name: str
    kind: Literal["code", "number", "text"]
    description: str
    units: str | None = None
    levels: Mapping[int, str] = field(default_factory=dict)
    words: tuple[tuple[str, int], ...] = ()
    aliases: tuple[str, ...] = ()
    foreign: frozenset[str] = frozenset()
    bounds: tuple[float, float] | None = None

    def sidecar(self) -> dict[str, Any]:
        """Describe the column the way a BIDS JSON sidecar does."""
        entry: dict[str, Any] = {"Description": self.description}
        if self.units is not None:
            entry["Units"] = self.units
        if self.levels:
            entry["Levels"] = {str(code): label for code, label in self.levels.items()}
        return entry


_SCORE = "Raw score (ADHD-RS-IV, 9 to 36 a scale) or T-score (Conners, 40 to 90), by adhd_measure"
_QC_LEVELS = {0: "questionable", 1: "pass"}
_QC_WORDS = (("question|fail", 0), ("pass", 1))
COLUMNS = (
    Column(
        "site",
        "code",
        "Scanning site",
        levels={
            1: "Peking University",
            2: "Brown University",
            3: "Kennedy Krieger Institute",
            4: "NeuroIMAGE",
            5: "New York University",
            6: "Oregon Health & Science University",
            7: "University of Pittsburgh",
            8: "Washington University in St. Louis",
        },
        words=(
            ("^peking", 1),
            ("^brown", 2),
            ("^kki|kennedy", 3),
            ("^neuro ?image", 4),
            ("^nyu|new york", 5),
            ("^ohsu|oregon", 6),
            ("^pitt|university of pittsburgh", 7),
            ("^washu|^wustl|washington university", 8),
        ),
        aliases=("site_id", "site_name"),
    ),
    Column(
        "sex",
        "code",
        "Sex",
        levels={0: "female", 1: "male"},
        words=(("^(f|female|girl|woman)$", 0), ("^(m|male|boy|man)$", 1)),
        aliases=("gender",),
        foreign=frozenset({"2"}),
    ),
    Column(
        "age", "number", "Age at the scan", units="year", aliases=("age_at_scan", "age_years", "age_in_years")
    ),
    Column(
        "handedness",
        "number",
        "Handedness: 0 left, 1 right, 2 ambidextrous; at New York University the Edinburgh inventory's "
        "continuous score from -1 (left) to 1 (right)",
        words=(("^l(eft)?( handed)?$", 0), ("^r(ight)?( handed)?$", 1), ("^a$|^ambi|^both$|^mixed", 2)),
        bounds=(-1, 2),
    ),
    Column(
        "dx",
        "code",
        "Diagnosis",
        levels={
            0: "typically developing",
            1: "ADHD, combined",
            2: "ADHD, hyperactive/impulsive",
            3: "ADHD, inattentive",
        },
        words=(
            ("typical|^tdc?$|^tdcs?$|control|healthy", 0),
            ("combined", 1),
            ("inattentive", 3),
            ("hyperactive|impulsive", 2),
        ),
    ),
    Column("secondary_dx", "text", "Secondary diagnoses, free text"),
    Column(
        "adhd_measure",
        "code",
        "Instrument of the symptom scores",
        levels={
            1: "ADHD Rating Scale IV (ADHD-RS)",
            2: "Conners' Parent Rating Scale, Revised, Long Version (CPRS-LV)",
            3: "Conners' Rating Scale, 3rd edition",
        },
        words=(
            (r"conn[eo]rs.*\b(3|3rd|third)\b", 3),
            (r"cprs|conn[eo]rs.*(parent|revised|long)", 2),
            (r"adhd rs|rating scale", 1),
        ),
    ),
    Column("adhd_index", "number", f"ADHD index. {_SCORE}", units="score", aliases=("adhd_score",)),
    Column("inattentive", "number", f"Inattention. {_SCORE}", units="score"),
    Column(
        "hyper_impulsive",
        "number",
        f"Hyperactivity and impulsivity. {_SCORE}",
        units="score",
        aliases=("hyperactive_impulsive", "hyperimpulsive"),
    ),
    Column(
        "iq_measure",
        "code",
        "Instrument of the IQ scores",
        levels={
            1: "Wechsler Intelligence Scale for Children, 4th edition (WISC-IV)",
            2: "Wechsler Abbreviated Scale of Intelligence (WASI)",
            3: "Wechsler Intelligence Scale for Chinese Children, Revised (WISCC-R)",
            4: "Two subtests of the WASI",
            5: "Two subtests of the WISC or WAIS",
        },
        words=(
            (r"(two|2) subtest.*wasi|wasi.*(two|2) subtest", 4),
            (r"(two|2) subtest.*(wisc|wais)|(wisc|wais).*(two|2) subtest", 5),
            (r"wiscc|chinese", 3),
            (r"wasi|abbreviated", 2),
            (r"wisc", 1),
        ),
    ),
    Column("verbal_iq", "number", "Verbal IQ, by iq_measure", units="IQ points", aliases=("viq",)),
    Column("performance_iq", "number", "Performance IQ, by iq_measure", units="IQ points", aliases=("piq",)),
    Column("full2_iq", "number", "Full-scale IQ of two subtests", units="IQ points", aliases=("full_2_iq",)),
    Column(
        "full4_iq",
        "number",
        "Full-scale IQ of four subtests",
        units="IQ points",
        aliases=("full_4_iq", "fiq", "fsiq"),
    ),
    Column(
        "med_status",
        "code",
        "Lifetime medication for ADHD",
        levels={1: "medication naive", 2: "not medication naive"},
        words=((r"\b(not?|non)\b.*\bna ?i?ve|^medicated|on medication", 2), (r"\bna ?i?ve\b", 1)),
        aliases=("medication_status",),
    ),
    Column(
        "qc_athena",
        "code",
        "Quality control of the Athena pipeline",
        levels=_QC_LEVELS,
        words=_QC_WORDS,
    ),
    Column("qc_niak", "code", "Quality control of the NIAK pipeline", levels=_QC_LEVELS, words=_QC_WORDS),
)
BY_NAME = {column.name: column for column in COLUMNS}
_BY_HEADER = {alias: column for column in COLUMNS for alias in (column.name, *column.aliases)}
_QC_OF_A_SCAN = re.compile(r"qc_(?:rest|anatomical|anat)_?\d*|qc_s\d+_(?:anat|rest_?\d*)")


def find_column(header: str) -> Column | None:
    """Find a header's column in the code book, or None where it is another study's."""
    name = snake_case(header)
    if _QC_OF_A_SCAN.fullmatch(name):
        return Column(name, "code", "Quality control of one scan", levels=_QC_LEVELS, words=_QC_WORDS)
    return _BY_HEADER.get(name)


def is_missing(text: str) -> bool:
    """Tell whether a cell stands for nothing, in any of the ways these tables say it."""
    text = text.strip()
    if text.casefold() in MISSING_CODES:
        return True
    return _NUMBER.fullmatch(text) is not None and float(text) == MISSING_NUMBER


def canonical_number(text: str, *, decimal_comma: bool = False) -> str | None:
    """Write a number one way: ``11.170`` and ``+11.17`` as ``11.17``, ``2.0`` as ``2``.

    Returns
    -------
    str or None
        None for what is no number, or has more digits than one can hold.
    """
    text = text.strip()
    if decimal_comma and _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(",", ".")
    if not _NUMBER.fullmatch(text) or not math.isfinite(value := float(text)):
        return None
    if value.is_integer() and abs(value) < _LARGEST_EXACT_INTEGER:
        return str(int(value))
    return None if text.lstrip("+-").isdigit() else repr(value)


def read_value(column: Column, text: str, *, decimal_comma: bool = False) -> str | None:
    """Read one non-missing cell by the code book.

    Returns
    -------
    str or None
        The official code or the number, canonically written; the text itself for a text column; None where
        the code book has no such value.
    """
    if column.kind == "text":
        return text
    number = canonical_number(text.removesuffix("+"), decimal_comma=decimal_comma)
    if number is None:
        return _code_of_words(column, text)
    if column.kind == "code":
        return number if number.lstrip("-").isdigit() and int(number) in column.levels else None
    low, high = column.bounds or (-math.inf, math.inf)
    inside = low <= float(number) <= high
    return number if inside else None


def _code_of_words(column: Column, text: str) -> str | None:
    plain = unicodedata.normalize("NFKD", text.casefold())
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    words = " ".join(re.sub(r"[^0-9a-z]+", " ", plain).split())
    return next((str(code) for pattern, code in column.words if re.search(pattern, words)), None)
