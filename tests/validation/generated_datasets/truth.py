"""What is true of a study, before any file is written: its participants, their visits, maps and values."""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

IN, OUT, EITHER = "in", "out", "either"
NOTHING = ""
"""What a cell says where nothing was measured."""


@dataclass
class Map:
    """One file of gray matter.

    `stream` is what maps must share to be compared. `voxels` names whose brain it shows and `bend` what was done to
    the file; both count only where maps are written whole. `fetched` is False for content that is elsewhere.
    """

    path: str
    stream: str = "plain"
    template: bool = True
    voxels: str = ""
    bend: str = ""
    fetched: bool = True


@dataclass
class Person:
    """One participant: what is true, and what is right to say."""

    label: str
    group: str
    spelled: str
    """As the tables write the identifier."""
    level: str
    """As the tables write the group."""
    maps: list[Map] = field(default_factory=list)
    right: set[str] = field(default_factory=set)
    """Paths of the maps that may be used; empty where any of one stream is right."""
    must: str = IN
    reasons: tuple[str, ...] = ()
    """Words of which the line of who is out has one; any line where empty."""
    mentioned: bool = False
    """Whether a line or message has to name the participant, in or out."""
    partial: bool = False
    """Whether values may be missing: the tables have no row of the session."""

    def out(self, must: str = OUT, *reasons: str) -> None:
        """Make it right to leave the participant out; any of several reasons will do."""
        self.reasons = () if self.must != IN else reasons
        if self.must != OUT:
            self.must = must


@dataclass
class Table:
    """A table: its header, and for each row whose it is and its cells."""

    header: list[str]
    rows: list[tuple[str, list[str]]]
    separator: str = "\t"
    end: str = "\n"
    encoding: str = "utf-8"
    fetched: bool = True
    ragged: int | None = None
    """Row to which cells too many are added."""

    def add(self, header: str, cells: Mapping[str, str]) -> None:
        """Add a column, by participant; who is not named has an empty cell."""
        self.header.append(header)
        for label, row in self.rows:
            row.append(cells.get(label, "n/a"))

    def put(self, header: str, cells: Mapping[str, str]) -> None:
        """Write other cells into a column that is there."""
        at = self.header.index(header)
        for label, row in self.rows:
            row[at] = cells.get(label, row[at])


@dataclass
class Values:
    """A column's truth: by participant the number or text that is right, `NOTHING` where nothing is known.

    `coded` columns may come in any coding that keeps levels apart and calls none by another's name. A cell in `odd`
    may also be as it was written, where a line or message mentions it; it is no number in any case.
    """

    header: str
    table: str
    truth: dict[str, str]
    coded: bool = False
    odd: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    """Codes that a cell may come in, with what they mean."""


@dataclass
class Study:
    """A dataset and the truth about it."""

    people: list[Person]
    tables: dict[str, Table]
    columns: list[Values]
    kinds: str = ""
    sidecars: dict[str, dict[str, object]] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    """Other files by path."""
    settings: list[str] = field(default_factory=list)
    query: dict[str, dict[str, str]] | None = None
    claimed: set[str] = field(default_factory=set)
    """Parts of the study that one kind has bent, and no other may."""
    refusals: list[tuple[str, ...]] = field(default_factory=list)
    """Refusals that are right: any word of one of these is in the message."""
    must_refuse: bool = False
    mentions: list[tuple[str, ...]] = field(default_factory=list)
    """Of each a word has to be in a line or message."""
    groups_needed: bool = True
    alone: bool = False
    """Whether one new participant is all there is."""
    whole: bool = False
    """Whether maps are written with their voxels, for the command line."""

    @property
    def participants(self) -> Table:
        """participants.tsv."""
        return self.tables["participants.tsv"]

    @property
    def labels(self) -> list[str]:
        """Every participant's label."""
        return [one.label for one in self.people]

    def claim(self, *parts: str) -> bool:
        """Take parts of the study for a kind; False where one is taken."""
        if self.claimed & set(parts):
            return False
        self.claimed |= set(parts)
        return True

    def all_may_be_out(self) -> None:
        """Nobody needs to be in."""
        for one in self.people:
            one.out(EITHER)


def name_of(label: str, session: str = "", middle: str = "") -> str:
    """Path of a map as fMRIPrep writes it; `middle` are entities before the space."""
    folder = f"sub-{label}/" + (f"ses-{session}/" if session else "") + "anat/"
    name = f"sub-{label}" + (f"_ses-{session}" if session else "") + middle
    return f"{folder}{name}_space-MNI152NLin2009cAsym_label-GM_probseg.nii.gz"


def plain_study(rng: random.Random, count: int) -> Study:
    """Draw a study without anything odd: one map a participant, one table."""
    labels = _labels(rng, count)
    people = []
    for at, label in enumerate(labels):
        level = "0" if at % 2 else rng.choice("123")
        group = "background" if at % 2 else "target"
        person = Person(label, group, f"sub-{label}", level)
        person.maps.append(Map(name_of(label), voxels=label))
        people.append(person)
    ages = {label: f"{rng.randint(7, 16)}.{rng.randint(1, 9)}" for label in labels}
    sexes = {label: rng.choice(("female", "male")) for label in labels}
    sites = {label: rng.choice(("Oslo", "Lund", "Basel")) for label in labels}
    rows = [(one.label, [one.spelled, ages[one.label], one.level]) for one in people]
    table = Table(["participant_id", "age", "dx"], rows)
    table.add("sex", sexes)
    table.add("site", sites)
    values = [
        Values("age", "participants", dict(ages)),
        Values("sex", "participants", dict(sexes), coded=True),
        Values("site", "participants", dict(sites), coded=True),
    ]
    order = list(range(count))
    rng.shuffle(order)
    table.rows = [table.rows[at] for at in order]
    return Study(people, {"participants.tsv": table}, values)


def _labels(rng: random.Random, count: int) -> list[str]:
    start = rng.choice((1, 1, 101, 9001))
    width = rng.choice((2, 3, 4, 7))
    prefix = rng.choice(("", "", "", "P", "CTL"))
    return [f"{prefix}{start + at:0{width}d}" for at in range(count)]


def sample(rng: random.Random, labels: Iterable[str], least: int, most: int) -> list[str]:
    """Draw some participants."""
    return rng.sample(sorted(labels), rng.randint(least, most))
