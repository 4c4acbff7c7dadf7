"""Kinds B to F, I and L: what labs write into tables and settings, and what is right then."""

import random

from tests.validation.generated_datasets import spellings
from tests.validation.generated_datasets.truth import EITHER, NOTHING, Study, Table, Values, sample


def add_table(study: Study, stem: str, columns: dict[str, dict[str, str]], *, suffix: str = ".tsv") -> Table:
    """Add a phenotype table of those who have a value, one row each."""
    named = {label for cells in columns.values() for label in cells}
    rows = [(one.label, [one.spelled]) for one in study.people if one.label in named]
    table = Table(["participant_id"], rows, "," if suffix == ".csv" else "\t")
    for header, cells in columns.items():
        table.add(header, cells)
    study.tables[f"phenotype/{stem}{suffix}"] = table
    return table


def free_stems(study: Study) -> list[str]:
    """Name the instruments that have no table yet."""
    return [one for one in spellings.INSTRUMENTS if f"phenotype/{one}.tsv" not in study.tables]


def shared_names(study: Study, rng: random.Random) -> bool:
    """B: the same header in two instruments' tables, of the same or of other participants."""
    if not study.claim("shared names"):
        return False
    header = rng.choice(spellings.SHARED_HEADERS)
    stems = rng.sample(free_stems(study), 2)
    halves = [
        [one.label for one in study.people if one.group == "target"],
        [one.label for one in study.people if one.group == "background"],
    ]
    if rng.random() < 0.5:
        halves = [sample(rng, study.labels, 4, len(study.labels)) for _ in stems]
    for scale, stem, labels in zip((100, 10), stems, halves, strict=True):
        cells = {
            label: f"{scale + at}.{scale // 10}5" for at, label in enumerate(study.labels) if label in labels
        }
        add_table(study, stem, {header: cells})
        study.columns.append(Values(header, stem, cells))
    return True


def quotation_marks(study: Study, rng: random.Random) -> bool:
    """C: quotation marks in a TSV are characters; a CSV's hold cells together; a ragged row is named."""
    comments = dict.fromkeys(study.labels, "fine")
    comments |= {label: rng.choice(spellings.COMMENTS) for label in sample(rng, study.labels, 2, 5)}
    study.participants.end = rng.choice(("\n", "\n", "\r\n"))
    study.participants.encoding = rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16"))
    if rng.random() < 0.3 and study.claim("whole table"):
        at = study.participants.ragged = rng.randrange(len(study.participants.rows))
        study.refusals.append((f"row {at + 2}",))
        study.mentions.append((f"row {at + 2}",))
        person = next(one for one in study.people if one.label == study.participants.rows[at][0])
        person.out(EITHER)
        person.partial = True
    if rng.random() < 0.7:
        study.participants.add("comment", comments)
        study.columns.append(Values("comment", "participants", comments))
    else:
        add_table(study, "notes", {"remark": comments}, suffix=".csv")
        study.columns.append(Values("remark", "notes", comments))
    return True


def missing_codes(study: Study, rng: random.Random) -> bool:
    """D: what statistics programs and people write where nothing was measured, in a column of numbers."""
    numbers = {label: f"{rng.randint(300, 900)}.{rng.randint(1, 9)}5" for label in study.labels}
    odd = {
        label: rng.choice(spellings.RESIDUE) for label in sample(rng, study.labels, 1, len(study.labels) // 3)
    }
    header = rng.choice(("fiq", "srs_raw_total", "reaction_time"))
    if rng.random() < 0.5:
        code, meaning = rng.choice(list(spellings.CODES.items()))
        (label,) = sample(rng, set(study.labels) - set(odd), 1, 1)
        numbers[label] = code  # a number like any other, unless the sidecar says more
        if rng.random() < 0.6:
            study.sidecars.setdefault("participants.json", {})[header] = {
                "Description": "in milliseconds",
                "Levels": {code: meaning},
            }
            odd[label] = code
    study.participants.add(header, numbers | odd)
    truth = numbers | dict.fromkeys(odd, NOTHING)
    study.columns.append(Values(header, "participants", truth, odd=odd))
    return True


def words(study: Study, rng: random.Random) -> bool:
    """E: a value means what its whole text says."""
    if rng.random() < 0.6 and study.claim("group"):
        control = rng.choice(spellings.CONTROL_WORDS)
        cells = {one.label: spellings.PATIENT_WORDS.get(one.level, control) for one in study.people}
        for label in sample(rng, study.labels, 1, 2):
            person = next(one for one in study.people if one.label == label)
            cells[label] = rng.choice(spellings.OTHER_WORDS)
            person.group = "neither"
            person.out()
        study.participants.put("dx", cells)
        return True
    column = rng.choice(("medication", "hands", "sex", "site"))
    if not study.claim(column):
        return False
    if column == "sex":
        _recode(study, "sex", rng.choice(spellings.SEXES))
    elif column == "site":
        truth = {label: rng.choice(spellings.SITES) for label in study.labels}
        next(one for one in study.columns if one.header == "site").truth = truth
        study.participants.put("site", truth)
    else:
        header, words_of = (
            ("med_status", spellings.MEDICATION)
            if column == "medication"
            else ("handedness", spellings.HANDS)
        )
        codes = {"1": "never", "2": "on"} if column == "medication" else {"0": "left", "1": "right"}
        cells = {label: rng.choice(tuple(words_of)) for label in study.labels}
        study.participants.add(header, cells)
        meaning = {label: words_of[text] for label, text in cells.items()}
        study.columns.append(Values(header, "participants", meaning, odd=cells, codes=codes))
    return True


def own_levels(study: Study, rng: random.Random) -> bool:
    """F: what participants.json says of codes; sites and sexes that another study has numbered."""
    sidecar = study.sidecars.setdefault("participants.json", {})
    choice = rng.choice(("dx", "sex", "site", "ten sites"))
    if choice == "dx" and study.claim("group"):
        swapped = rng.random() < 0.7
        codes = {"target": "0", "background": "1"} if swapped else {"target": "1", "background": "0"}
        study.participants.put("dx", {one.label: codes[one.group] for one in study.people})
        sidecar["dx"] = {
            "Levels": {codes["target"]: "ADHD", codes["background"]: rng.choice(("control", "HC"))}
        }
        if not swapped and rng.random() < 0.5:  # the default settings want 2 as patients, too
            sidecar["dx"]["Levels"]["2"] = rng.choice(("autism", "ASD", "bipolar disorder"))
            for label in sample(rng, study.labels, 1, 2):
                person = next(one for one in study.people if one.label == label)
                person.group = "neither"
                person.out()
                study.participants.put("dx", {label: "2"})
            study.refusals.append(("Levels", "participants.json"))
        if swapped and rng.random() < 0.6:
            study.settings = ["cohort.target=[0]", "cohort.background=[1]"]
        elif swapped:  # the default settings want 0 as control
            study.refusals.append(("Levels", "participants.json"))
            study.all_may_be_out()
    elif choice == "sex" and study.claim("sex"):
        codes = rng.choice(
            ({"male": "1", "female": "2"}, {"male": "0", "female": "1"}, {"female": "0", "male": "1"})
        )
        _recode(study, "sex", codes)
        nested = rng.random() < 0.3
        sidecar["sex"] = {
            "Levels": {code: {"Description": word} if nested else word for word, code in codes.items()}
        }
    elif study.claim("site"):
        many = choice == "ten sites"
        names = [f"{at}" for at in range(1, 11)] if many else ["Oslo", "Lund", "Basel"]
        truth = {label: rng.choice(names) for label in study.labels}
        truth |= dict(zip(sample(rng, study.labels, 2, 2), names[-2:], strict=True))
        codes = {name: name if many else f"{at}" for at, name in enumerate(names, start=1)}
        next(one for one in study.columns if one.header == "site").truth = truth
        _recode(study, "site", codes)
        if not many:
            sidecar["site"] = {"Levels": {code: name for name, code in codes.items()}}
    else:
        return False
    return True


def _recode(study: Study, header: str, codes: dict[str, str]) -> None:
    truth = next(one for one in study.columns if one.header == header).truth
    study.participants.put(header, {label: codes[word] for label, word in truth.items()})


def identifiers(study: Study, rng: random.Random) -> bool:
    """I: identifiers that meet although written otherwise, and others that may not meet."""
    if not study.claim("identifiers"):
        return False
    numeric = all(label.isdigit() for label in study.labels)
    choice = rng.choice(("bare", "dressed", "zeros", "hyphen", "zeros of two"))
    if choice == "bare":
        spelled = {label: label for label in study.labels}
    elif choice == "dressed" or not numeric:
        form = rng.choice(("sub_{}", "SUB-{}", " {} ", "sub-{}_T1w.nii.gz", "{}_"))
        spelled = {label: form.format(label) for label in study.labels}
    elif choice == "zeros":
        form = rng.choice(("{}", "{}.0"))
        spelled = {label: form.format(int(label)) for label in study.labels}
    else:
        _look_alikes(study, choice, rng)
        return True
    _respell(study, spelled)
    return True


def _look_alikes(study: Study, choice: str, rng: random.Random) -> None:
    """Two participants whose identifiers become one without hyphens, or without zeros; who is who may stay open."""
    first, second = study.people[:2]
    if choice == "hyphen":
        fresh = {one.label: f"3{at:02d}" for at, one in enumerate(study.people)}
        fresh |= {first.label: "112", second.label: "112b"}
        spelled = {label: f"{new[0]}-{new[1:]}" for label, new in fresh.items()}
        spelled |= {first.label: "1-12", second.label: "11-2"}
    else:
        fresh = {one.label: f"{400 + at}" for at, one in enumerate(study.people)}
        fresh |= {first.label: "05", second.label: "005"}
        spelled = {label: f"sub-{new}" for label, new in fresh.items()}
    _rename(study, fresh)
    _respell(study, {fresh[label]: text for label, text in spelled.items()})
    for one in (first, second):
        one.out(EITHER)
    if choice != "hyphen":
        return
    second.maps.clear()  # whose values may not be given to the other
    if rng.random() < 0.7:  # nor where no table has both
        study.participants.rows = [row for row in study.participants.rows if row[0] != second.label]
        stem = rng.choice(free_stems(study))
        scores = {one.label: f"{20 + at}.75" for at, one in enumerate(study.people) if one is not first}
        add_table(study, stem, {f"{stem}_score": scores})
        study.columns.append(Values(f"{stem}_score", stem, scores))


def _rename(study: Study, fresh: dict[str, str]) -> None:
    for one in study.people:
        old = one.label
        one.label = fresh[old]
        for image in one.maps:
            image.path = image.path.replace(f"sub-{old}", f"sub-{one.label}")
            image.voxels = one.label
    for table in study.tables.values():
        table.rows = [(fresh[label], row) for label, row in table.rows]
    for values in study.columns:
        values.truth = {fresh[label]: value for label, value in values.truth.items()}
        values.odd = {fresh[label]: value for label, value in values.odd.items()}


def _respell(study: Study, spelled: dict[str, str]) -> None:
    for one in study.people:
        one.spelled = spelled[one.label]
    for table in study.tables.values():
        table.put("participant_id", spelled)


def settings(study: Study, rng: random.Random) -> bool:
    """L: group values that YAML reads otherwise than the table writes them, or that nobody gave."""
    if not study.claim("group"):
        return False
    patients, controls, asked = rng.choice(spellings.LEVELS)
    cells = {one.label: patients if one.group == "target" else controls for one in study.people}
    study.participants.header[study.participants.header.index("dx")] = "status"
    study.participants.put("status", cells)
    study.settings = ["cohort.group=status"]
    if asked is None:
        study.must_refuse = True
        study.all_may_be_out()
    else:
        study.settings += [f"cohort.target=[{asked[0]}]", f"cohort.background=[{asked[1]}]"]
    study.refusals.append(
        (f"{patients}", f"{controls}") if asked is None else (f"{patients} (", f"{controls} (")
    )
    return True
