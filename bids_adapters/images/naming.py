"""Names of gray-matter maps, by the program that wrote them: whose, in which space, scaled how."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from bids_adapters.identifiers import participant_key, participant_label

TEMPLATE_SPACES = re.compile(r"(MNI|ICBM|IXI|Ixi)\w*(:cohort-\w+)?", re.ASCII)
ADULT_SPACES = re.compile(r"(MNI152|ICBM|IXI549|Ixi549)\w*", re.ASCII)
_SUBJECT = re.compile(r"sub-([0-9A-Za-z+]+)", re.ASCII)
_SEVEN_DIGITS = re.compile(r"(?<!\d)(\d{7})(?!\d)", re.ASCII)
BIDS_NAME = re.compile(
    r"sub-.*_(?:label|class)-(?:GM|gm|graymatter|greymatter)(?:_.*)?_(?:probseg|probtissue)\.nii(?:\.gz)?"
)
_COHORT = re.compile(r"_(cohort-[0-9A-Za-z]+)(?=_)")
"""Age bands of a template, as MNIPediatricAsym has: each is a space of its own."""
CAPS_NAME = re.compile(
    r"sub-.*_segm-graymatter(?:_space-(?P<space>[0-9A-Za-z]+))?(?:_modulated-(?P<modulated>on|off))?"
    r"(?:_fwhm-(?P<fwhm>[0-9A-Za-z]+))?_probability\.nii(?:\.gz)?"
)
ATHENA_NAME = re.compile(
    r"(?P<smooth>s?)wssd(?P<id>\d+)_session_(?P<session>\d+)(?:_run_(?P<run>\d+))?_anat_gm\.nii(?:\.gz)?",
    re.ASCII,
)
SPM_NAME = re.compile(
    r"(?P<smooth>s\d*)?(?P<modulated>m0?)?(?P<warped>w)?(?P<rigid>r)?(?P<tissue>c1|p1)(?P<rest>.+?)\.nii(?:\.gz)?"
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
    dialect
        The program, or family of programs, whose naming it is.
    space
        Name of the template, ``NAME:cohort-N`` for an age band of it; ``template`` where the name only says that
        there is one, ``native`` where none.
    modulated, smoothed
        Whether values were scaled by the warp's volume change; whether the file was smoothed already.
    """

    path: str
    label: str
    root: str
    dialect: str
    space: str
    modulated: bool
    smoothed: bool = False
    session: str = ""
    run: str = ""
    acquisition: str = ""
    resolution: str = ""
    description: str = ""

    @property
    def key(self) -> str:
        """What the participant's spellings share."""
        return participant_key(self.label)

    @property
    def in_template_space(self) -> bool:
        """Whether the map can be compared with other participants' voxel by voxel."""
        return self.space == "template" or TEMPLATE_SPACES.fullmatch(self.space) is not None

    @property
    def kind(self) -> tuple[str, str, str, bool, bool, str]:
        """Maps of one kind can be compared: written by one pipeline, in one space, scaled alike."""
        return (self.root, self.dialect, self.space, self.modulated, self.smoothed, self.description)

    def describe(self) -> str:
        """Say in words what `kind` holds."""
        words = [self.dialect, f"space {self.space}", "modulated" if self.modulated else "unmodulated"]
        words += ["smoothed"] * self.smoothed + [f"desc-{self.description}"] * bool(self.description)
        return ", ".join(words) + (f", in {self.root}" if self.root else "")


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
    name = PurePosixPath(path).name
    for pattern, read in _READERS:
        if (match := pattern.fullmatch(name)) is not None and (facts := read(match, entities)) is not None:
            label = facts.pop("label", None) or _label(name, entities)
            if label is None:
                return None
            return MapFile(path=path, root=root, label=label, **{**_place(entities), **facts})
    return None


def unrecognised(path: str, root: str, entities: Mapping[str, Any]) -> MapFile | None:
    """Take a file that only the user's filter names for a map in template space."""
    label = _label(PurePosixPath(path).name, entities)
    if label is None:
        return None
    facts: dict[str, Any] = _place(entities)
    return MapFile(
        path=path,
        label=label,
        root=root,
        dialect="named by the filter",
        space=str(entities.get("space", "template")),
        modulated=_is_modulated(str(entities.get("desc", ""))),
        description=str(entities.get("desc", "")),
        **facts,
    )


def _read_bids(match: re.Match[str], entities: Mapping[str, Any]) -> dict[str, Any]:
    description = str(entities.get("desc", ""))
    return {
        "dialect": "BIDS probseg",
        "space": ":".join([str(entities.get("space", "native")), *_COHORT.findall(match.string)]),
        "modulated": _is_modulated(description),
        "smoothed": "smooth" in description.lower(),
        "description": description,
    }


def _read_caps(match: re.Match[str], entities: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "dialect": "Clinica CAPS",
        "space": match["space"] or "native",
        "modulated": match["modulated"] == "on",
        "smoothed": match["fwhm"] is not None,
    }


def _read_athena(match: re.Match[str], entities: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "dialect": "Athena",
        "label": participant_label(match["id"]),
        "space": "template",
        "modulated": False,
        # Athena's maps all carry the s of their smoothing; without it there is nothing to choose from.
        "smoothed": bool(match["smooth"]),
        "session": match["session"],
        "run": match["run"] or "",
    }


def _read_spm(match: re.Match[str], entities: Mapping[str, Any]) -> dict[str, Any] | None:
    warped = match["warped"] is not None
    if not warped and not match["rest"].startswith("sub-"):
        return None  # c1 and p1 begin many a name that is no tissue map
    return {
        "dialect": "CAT12" if match["tissue"] == "p1" else "SPM",
        "space": "template" if warped else "native",
        "modulated": warped and match["modulated"] is not None,
        "smoothed": match["smooth"] is not None,
        # m0w: modulated for the non-linear part only, a quantity of its own
        "description": "nonlinear-only" if match["modulated"] == "m0" else "",
    }


_READERS = (
    (BIDS_NAME, _read_bids),
    (CAPS_NAME, _read_caps),
    (ATHENA_NAME, _read_athena),
    (SPM_NAME, _read_spm),
)


def _place(entities: Mapping[str, Any]) -> dict[str, Any]:
    """Give which of a participant's several maps it is."""
    names = {"session": "session", "run": "run", "acquisition": "acquisition", "resolution": "res"}
    return {name: str(entities.get(entity, "")) for name, entity in names.items()}


def _is_modulated(description: str) -> bool:
    return "modulated" in description.lower() and "unmodulated" not in description.lower()


def _label(name: str, entities: Mapping[str, Any]) -> str | None:
    """Find whose map it is: in the file's name, else in the folders', else as its one seven-digit number."""
    if (named := _SUBJECT.search(name)) is not None:
        return named[1]
    if "subject" in entities:
        return str(entities["subject"])
    # mwp1 and mwrc1 end in a digit, so the seven digits are the last of a run, never its first
    stem = re.sub(r"^(?:s\d*)?(?:m0?)?w?r?[cp]1", "", name)
    numbers = _SEVEN_DIGITS.findall(stem)
    return numbers[-1] if len(set(numbers)) == 1 else None
