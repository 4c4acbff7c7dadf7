"""Names of gray-matter maps, by the program that wrote them: whose, of which session, of which kind."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bids_adapters.identifiers import participant_key, participant_label
from bids_adapters.images.kind import (
    Kind,
    contrast_of,
    kernel_of,
    pipeline_of,
    read_entities,
    space_of,
    variant_of,
)

_SUBJECT = re.compile(r"sub-([0-9A-Za-z+]+)", re.ASCII)
SEVEN_DIGITS = re.compile(r"(?<!\d)(\d{7})(?!\d)", re.ASCII)
BIDS_NAME = re.compile(
    r"(?P<stem>sub-.*_(?:label|class)-(?:GM|gm|graymatter|greymatter)(?:_.*)?)_(?P<suffix>probseg|probtissue)"
    r"\.nii(?:\.gz)?"
)
CAPS_NAME = re.compile(r"(?P<stem>sub-.*_segm-graymatter(?:_.*)?)_probability\.nii(?:\.gz)?")
ATHENA_NAME = re.compile(
    r"(?P<smooth>s?)wssd(?P<id>\d+)_session_(?P<session>\d+)(?:_run_(?P<run>\d+))?_anat_gm\.nii(?:\.gz)?",
    re.ASCII,
)
SPM_NAME = re.compile(
    r"(?:s(?P<kernel>\d*)[-_]?)?(?P<ageing>mw(?=mw))?(?P<modulated>m0?)?(?P<warped>w)?(?P<rigid>r)?(?P<tissue>[cp]1)"
    r"(?:(?P<realigned>r)(?=sub-|\d)|(?P<average>avg_?))?(?P<rest>.+?)\.nii(?:\.gz)?"
)
SESSION_FOLDER = re.compile(
    r"/((?:session|visit|wave|timepoint|tp)[-_]?\w+|baseline\w*|bl|screening|pre|post|follow-?up\w*|fu\d*)(?=/)",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True)
class MapFile:
    """One gray-matter map, as its path describes it.

    Attributes
    ----------
    path
        Relative to the BIDS directory.
    label
        Participant, without ``sub-``.
    """

    path: str
    label: str
    kind: Kind
    session: str = ""
    run: str = ""
    acquisition: str = ""

    @property
    def key(self) -> str:
        """What the participant's spellings share."""
        return participant_key(self.label)


def recognise(path: str, root: str, entities: Mapping[str, Any]) -> MapFile | None:
    """Read a path as a gray-matter map's, or return None where it is none that is known.

    Parameters
    ----------
    path
        Relative to the BIDS directory, with forward slashes.
    root
        The derivative dataset's folder in the BIDS directory; empty for the directory itself.
    entities
        What pybids found in the path.
    """
    name = path.rpartition("/")[2]
    for pattern, read in _READERS:
        if (match := pattern.fullmatch(name)) is not None and (facts := read(match)) is not None:
            return _map_file(path, root, entities, facts)
    return None


def unrecognised(path: str, root: str, entities: Mapping[str, Any]) -> MapFile | None:
    """Take a file that only the user's filter names for a map in template space."""
    stem = path.rpartition("/")[2].removesuffix(".gz").removesuffix(".nii")
    facts = {"program": "named by the filter", "space": "template", **_of_bids_name(stem)}
    return _map_file(path, root, entities, facts)


def _map_file(path: str, root: str, entities: Mapping[str, Any], facts: dict[str, Any]) -> MapFile | None:
    """Put together what name, folders and pybids say."""
    folder = SESSION_FOLDER.search(path.removeprefix(root))
    place = {
        "session": entities.get("session", folder[1] if folder else ""),
        "run": entities.get("run", ""),
        "acquisition": entities.get("acquisition", ""),
    }
    place |= {name: facts.pop(name) for name in ("session", "run") if name in facts}
    label = facts.pop("label", None) or _label(path.rpartition("/")[2], entities)
    if label is None:
        return None
    if "/long-" in path:  # Clinica's folder of a participant's sessions
        facts["stream"] = "longitudinal"
    pipelines = [facts.pop("pipeline", ""), pipeline_of(path, root, label, place["session"])]
    kind = Kind(pipeline="/".join(filter(None, pipelines)), root=root, **facts)
    return MapFile(path, label, kind, **{name: str(value) for name, value in place.items()})


def _of_bids_name(stem: str) -> dict[str, Any]:
    """Give what a BIDS name without its suffix says of the map's kind."""
    entities, words = read_entities(stem)
    description = entities.get("desc", "").lower()
    modulated = entities.get("modulated") == "on" or (
        "modulated" in description and "unmodulated" not in description
    )
    facts = {
        "modulation": "modulated" if modulated else "unmodulated",
        "contrast": contrast_of(words),
        "variant": variant_of(entities, words),
    }
    if "space" in entities:
        facts["space"] = space_of(entities["space"], entities.get("cohort", ""))
    if "fwhm" in entities or "smooth" in description:
        facts["smoothing"] = kernel_of(entities.get("fwhm", description))
    if "long" in entities:
        facts["stream"] = "longitudinal"
    return facts


def _read_bids(match: re.Match[str]) -> dict[str, Any]:
    # probtissue is how fMRIPrep before 1.2 wrote it, with other tools behind it
    older = {"pipeline": "before probseg"} if match["suffix"] == "probtissue" else {}
    return {"program": "BIDS probseg", "space": "native", **_of_bids_name(match["stem"]), **older}


def _read_caps(match: re.Match[str]) -> dict[str, Any]:
    return {"program": "Clinica CAPS", "space": "native", **_of_bids_name(match["stem"])}


def _read_athena(match: re.Match[str]) -> dict[str, Any]:
    return {
        "program": "Athena",
        "label": participant_label(match["id"]),
        "space": "template",
        # Athena's maps all carry the s of their smoothing; without it there is nothing to choose from.
        "smoothing": kernel_of("") if match["smooth"] else "",
        "session": match["session"],
        "run": match["run"] or "",
    }


def _read_spm(match: re.Match[str]) -> dict[str, Any] | None:
    warped, rest = match["warped"] is not None, match["rest"]
    if not warped and not rest.startswith("sub-"):
        return None  # c1 and p1 begin many a name that is no tissue map
    # Other names than BIDS's hold anything: of those only the contrast is read.
    facts = _of_bids_name(rest) if rest.startswith("sub-") else {"contrast": contrast_of(rest.split("_"))}
    facts |= {
        "program": "CAT12" if match["tissue"] == "p1" else "SPM",
        "space": facts.get("space", "template") if warped else "native",
        "modulation": _MODULATIONS[match["modulated"] if warped else None],
    }
    if match["kernel"] is not None:
        facts["smoothing"] = kernel_of(match["kernel"])
    if match["rigid"] is not None:
        facts["pipeline"] = "DARTEL import"
    if match["realigned"] or match["average"] or match["ageing"]:
        model = " (ageing)" if match["ageing"] else " (average)" if match["average"] else ""
        facts["stream"] = f"longitudinal{model}"
    return facts


_MODULATIONS = {None: "unmodulated", "m": "modulated", "m0": "modulated for the non-linear part"}
_READERS = (
    (BIDS_NAME, _read_bids),
    (CAPS_NAME, _read_caps),
    (ATHENA_NAME, _read_athena),
    (SPM_NAME, _read_spm),
)


def _label(name: str, entities: Mapping[str, Any]) -> str | None:
    """Find whose map it is: in the file's name, else in the folders', else as its one seven-digit number."""
    if (named := _SUBJECT.search(name)) is not None:
        return named[1]
    if "subject" in entities:
        return str(entities["subject"])
    # mwp1 and mwrc1 end in a digit, so the seven digits are the last of a run, never its first
    numbers = SEVEN_DIGITS.findall(match["rest"] if (match := SPM_NAME.fullmatch(name)) else name)
    return numbers[-1] if len(set(numbers)) == 1 else None
