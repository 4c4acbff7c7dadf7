"""Kinds A, G, H, J, K and M: visits, several kinds of maps, brains, and files that are elsewhere."""

import random
from collections.abc import Callable

from tests.validation.generated_datasets import spellings
from tests.validation.generated_datasets.table_kinds import add_table, free_stems
from tests.validation.generated_datasets.truth import (
    EITHER,
    IN,
    NOTHING,
    OUT,
    Map,
    Person,
    Study,
    Table,
    Values,
    name_of,
    sample,
)


def visits(study: Study, rng: random.Random) -> bool:
    """A: two sessions of maps, and tables with a row for each."""
    if not study.claim("layout"):
        return False
    dated = rng.random() < 0.3
    first, second = rng.choice(spellings.UNDATED) if dated else rng.choice(spellings.VISITS)
    chosen = first
    if rng.random() < 0.25:
        study.query, chosen = {"gm": {"session": second}}, second
    session_of: dict[str, str] = {}
    lacking = set() if study.query else set(sample(rng, study.labels, 0, 2))
    for one in study.people:
        if not one.maps:
            continue
        sessions = (second,) if one.label in lacking else (first, second)
        one.maps = [Map(name_of(one.label, session), voxels=one.label) for session in sessions]
        session_of[one.label] = chosen if chosen in sessions else second
        one.right = {name_of(one.label, session_of[one.label])}
    if dated:
        _date(study, first, second, rng)
    kind = rng.choice(("participants", "instrument", "none"))
    if kind == "participants" and study.claim("whole table"):
        _row_a_visit(study, (first, second), session_of, rng)
    elif kind == "instrument":
        _instrument_by_visit(study, (first, second), session_of, rng)
    return True


def _date(study: Study, first: str, second: str, rng: random.Random) -> None:
    if rng.random() < 0.3:
        rows = [
            f"sub-{one.label}\tses-{session}\t{date}"
            for one in study.people
            for session, date in ((second, "2020-01-10T10:00:00"), (first, "2019-12-01T09:30:00"))
        ]
        study.texts["sessions.tsv"] = "\n".join(["participant_id\tsession_id\tacq_time", *rows]) + "\n"
        return
    for one in study.people:
        rows = [f"ses-{first}\t2019-03-0{rng.randint(1, 9)}", f"ses-{second}\t2020-01-{rng.randint(10, 28)}"]
        rng.shuffle(rows)
        text = "\n".join(["session_id\tacq_time", *rows]) + "\n"
        study.texts[f"sub-{one.label}/sub-{one.label}_sessions.tsv"] = text


def _row_a_visit(
    study: Study, sessions: tuple[str, str], session_of: dict[str, str], rng: random.Random
) -> None:
    """participants.tsv has a row for each session, where a year goes by; some lack that of their map."""
    table = study.participants
    ages = next(one for one in study.columns if one.header == "age").truth
    at, rows = table.header.index("age"), []
    lacking = set(sample(rng, session_of, 0, 1))
    for label, row in table.rows:
        for years, session in enumerate(sessions):
            age = f"{float(row[at]) + years:.1f}"
            mine = session_of.get(label) == session
            if mine and label in lacking:
                ages[label] = NOTHING
                person = next(one for one in study.people if one.label == label)
                person.out(EITHER)
                person.partial = True
                continue
            if mine:
                ages[label] = age
            rows.append((label, [*row[:at], age, *row[at + 1 :], f"ses-{session}"]))
    table.rows = rows
    table.header.append("session_id")
    if rng.random() < 0.5:
        rng.shuffle(table.rows)


def _instrument_by_visit(
    study: Study, sessions: tuple[str, str], session_of: dict[str, str], rng: random.Random
) -> None:
    """A phenotype table has a row for each session; who lacks that of the map has no value."""
    stem = rng.choice(free_stems(study))
    truth, rows = {}, []
    lacking = set(sample(rng, session_of, 0, 3))
    bare = rng.choice((True, False))
    for number, one in enumerate(study.people):
        for at, session in enumerate(sessions):
            mine = session_of.get(one.label) == session
            if mine and one.label in lacking:
                continue
            value = f"{500 + 20 * number + at}.5"
            if mine:
                truth[one.label] = value
            rows.append((one.label, [one.spelled, session if bare else f"ses-{session}", value]))
    header = f"{stem}_sum"
    study.tables[f"phenotype/{stem}.tsv"] = Table(["participant_id", "session_id", header], rows)
    study.columns.append(Values(header, stem, {label: truth.get(label, NOTHING) for label in session_of}))


def _fmriprep(middle: str = "", space: str = "MNI152NLin2009cAsym", after: str = "") -> Callable[[str], str]:
    return lambda label: f"sub-{label}/anat/sub-{label}{middle}_space-{space}{after}_label-GM_probseg.nii.gz"


def _spm(before: str, folder: str = "CAT12.8", contrast: str = "T1w") -> Callable[[str], str]:
    return lambda label: f"derivatives/{folder}/sub-{label}/mri/{before}sub-{label}_{contrast}.nii"


def _caps(folder: str, after: str = "modulated-on") -> Callable[[str], str]:
    name = f"T1w_segm-graymatter_space-Ixi549Space_{after}_probability.nii.gz"
    return lambda label: f"subjects/sub-{label}/ses-M000/t1/{folder}/sub-{label}_ses-M000_{name}"


STREAMS: tuple[tuple[str, Callable[[str], str], Callable[[str], str]], ...] = (
    ("template", _fmriprep(), _fmriprep(space="MNI152NLin6Asym")),
    ("age band", _fmriprep(space="MNIPediatricAsym_cohort-3"), _fmriprep(space="MNIPediatricAsym_cohort-4")),
    ("age band", _fmriprep(space="MNIPediatricAsym+3"), _fmriprep(space="MNIPediatricAsym+4")),
    ("reconstruction", _fmriprep("_rec-raw"), _fmriprep("_rec-norm")),
    ("desc", _fmriprep(), _fmriprep(after="_desc-denoised")),
    ("modulation", _spm("wp1"), _spm("mwp1")),
    ("modulation", _spm("mwp1"), _spm("m0wp1")),
    ("smoothing", _spm("s6mwp1"), _spm("s12mwp1")),
    ("smoothing", _spm("smwp1"), _spm("mwp1")),
    ("contrast", _spm("mwc1", "spm"), _spm("mwc1", "spm", "FLAIR")),
    ("contrast", _spm("mwp1"), _spm("mwp1", contrast="T2w")),
    ("program", _spm("mwp1"), _spm("mwc1", "spm")),
    ("program", _spm("mwp1", "CAT12.7"), _spm("mwp1", "CAT12.8")),
    ("resolution", _fmriprep(after="_res-1"), _fmriprep(after="_res-2")),
    ("contrast", _fmriprep("_ce-gadolinium"), _fmriprep()),
    ("longitudinal", _spm("mwp1"), _spm("mwp1r")),
    ("pipeline", _caps("spm/segmentation/normalized_space"), _caps("spm/dartel/group-ADHD")),
    (
        "modulation",
        _caps("spm/segmentation/normalized_space"),
        _caps("spm/segmentation/normalized_space", "modulated-off"),
    ),
    (
        "smoothing",
        _caps("spm/segmentation/normalized_space", "modulated-on_fwhm-8mm"),
        _caps("spm/segmentation/normalized_space", "modulated-on_fwhm-4mm"),
    ),
)
"""What differs, and the path of either kind of map."""


def several_streams(study: Study, rng: random.Random) -> bool:
    """G: two kinds of maps; all have one, or nine in ten, or neither."""
    if not study.claim("layout"):
        return False
    _, usual, other = rng.choice(STREAMS)
    if rng.random() < 0.3:
        usual, other = other, usual
    people = [one for one in study.people if one.maps]
    how = rng.choice(("one group has both", "some have both", "nine in ten", "mixed"))
    some = set(sample(rng, [one.label for one in people], 3, 5))
    odd = set(sample(rng, [one.label for one in people], 1, 1)) if len(people) >= 10 else set()
    for one in people:
        both = (one.group == "target") if how == "one group has both" else one.label in some
        only_other = one.label in (odd if how == "nine in ten" else some if how == "mixed" else ())
        common, rare = (
            Map(usual(one.label), "usual", voxels=one.label),
            Map(other(one.label), "other", voxels=one.label),
        )
        one.maps = (
            [rare]
            if only_other
            else [common, rare]
            if both and how != "mixed" and how != "nine in ten"
            else [common]
        )
        one.right = set() if how == "mixed" else {usual(one.label)}
        if how == "nine in ten" and only_other:
            one.out(OUT, "other_kind", "no_map", "another kind")
        if how == "mixed":
            one.out(EITHER)
    if how == "mixed":
        study.refusals.append(("nobody in the", "no participant is left", "other_kind"))
    return True


def not_fetched(study: Study, rng: random.Random) -> bool:
    """K: maps and tables that DataLad knows and has not fetched."""
    choice = rng.choice(("maps", "maps", "table", "table", "participants.tsv"))
    if choice == "maps":
        for label in sample(rng, study.labels, 1, 2):
            person = next(one for one in study.people if one.label == label)
            for image in person.maps:
                image.fetched = False
            # Whose content is looked at comes late: the cohort may still have them, the prepared one may not.
            person.out(
                OUT if study.whole else EITHER,
                "not_fetched",
                "not fetched",
                "missing",
                "unreadable",
                "no_map",
            )
    elif choice == "table":
        stem = rng.choice(free_stems(study))
        add_table(study, stem, {f"{stem}_score": dict.fromkeys(study.labels, "7.5")}).fetched = False
        study.mentions.append((f"{stem}.tsv",))
        study.refusals.append((f"{stem}.tsv",))
        if rng.random() < 0.3:
            study.all_may_be_out()
    elif study.claim("group") and study.groups_needed:
        study.participants.fetched = False
        study.must_refuse = True
        study.refusals.append(("participants.tsv",))
        study.all_may_be_out()
    else:
        return False
    return True


def one_brain_twice(study: Study, rng: random.Random) -> bool:
    """H: a participant's map is another's too, stored as it was or otherwise."""
    candidates = [one for one in study.people if one.maps and one.must == IN]
    if len(candidates) < 2 or not study.claim("layout", "twin"):
        return False
    first, second = rng.sample(candidates, 2)
    copy = second.maps[0]
    copy.voxels, copy.bend = first.label, rng.choice(("", "flip", "nii"))
    if copy.bend == "nii":
        copy.path = copy.path.removesuffix(".gz")
    for one in (first, second):
        one.mentioned = True
        one.out(OUT if first.group != second.group else EITHER)
    return True


def scale_and_orientation(study: Study, rng: random.Random) -> bool:
    """J: maps on another scale, stored the other way round, or whose header contradicts itself about the sides."""
    candidates = [one for one in study.people if one.maps and one.must == IN]
    if len(candidates) < 6:
        return False
    bend = rng.choice(("x255", "flip", "sides", "sides"))
    for one in rng.sample(candidates, rng.choice((1, 1, 3)) if bend != "flip" else 4):
        for image in one.maps:
            image.bend = bend
        if bend != "flip":
            one.out()
            one.mentioned = True
    return True


def new_participants(study: Study, rng: random.Random) -> bool:
    """M: participants without groups, for a model that is there; native siblings; one alone; no tables at all."""
    if study.whole or not study.claim("group"):
        return False
    study.groups_needed = False
    study.alone = rng.random() < 0.3
    if rng.random() < 0.5 and study.claim("layout"):
        for one in study.people:
            native = f"sub-{one.label}/anat/sub-{one.label}_label-GM_probseg.nii.gz"
            one.right = {image.path for image in one.maps}
            if one.maps:
                one.maps.append(Map(native, "native", template=False, voxels=one.label))
    return True


def leave_one(study: Study) -> None:
    """Keep one participant, in truth and tables."""
    kept: Person = next((one for one in study.people if one.must == IN), study.people[0])
    study.people = [kept]
    if len({image.stream for image in kept.maps if image.template}) > 1:
        kept.right = set()  # either kind is everybody's
    for table in study.tables.values():
        table.rows = [(label, row) for label, row in table.rows if label == kept.label]
        table.ragged = None
    study.mentions = []
