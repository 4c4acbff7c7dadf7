"""Kinds of gray-matter maps: what must be alike in two maps before their voxels are compared."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

TEMPLATE_SPACES = re.compile(r"(MNI|ICBM|IXI)\w*(:cohort-\w+)?", re.ASCII | re.IGNORECASE)
ADULT_SPACES = re.compile(r"(MNI152|ICBM|IXI549)\w*", re.ASCII | re.IGNORECASE)
USUAL_SPACES = ("MNI152NLin2009cAsym", "MNI152NLin6Asym", "MNI152Lin", "IXI549Space")
PROGRAMS = ("BIDS probseg", "CAT12", "SPM", "Clinica CAPS", "Athena", "named by the filter")
_ONE_OF_SEVERAL = {"sub", "ses", "run", "acq"}
"""Entities that tell one participant's maps of one kind apart."""
_ELSEWHERE = {"label", "class", "segm", "space", "cohort", "modulated", "fwhm", "long"}
"""Entities that have an attribute of their own, or say that it is gray matter."""
_CONTRASTS = {
    "t1w": "t1w t1 t1rage mprage mpr mprag spgr fspgr bravo tfe anat",
    "t2w": "t2w t2",
    "flair": "flair t2flair",
    "pdw": "pdw pd pdt2",
    "t2starw": "t2starw t2star swi",
    "unit1": "unit1 uni mp2rage",
    "inplanet1": "inplanet1",
    "inplanet2": "inplanet2",
    "ct": "ct",
}
_CONTRAST_OF = {word: contrast for contrast, words in _CONTRASTS.items() for word in words.split()}
_ORDINARY_FOLDERS = re.compile(
    r"anat(?:omy|omical)?(?:_\d+)?|mri|t1w?|nii|nifti|gm|ses(?:sion)?[-_].*|long-.*|\d+", re.IGNORECASE
)
_PIPELINE_FOLDERS = re.compile(
    r"dartel|shoot|geodesic|longitudinal|(?:^|[-_])(?:long|cross)(?:$|[-_])|cross-?sectional|fwhm|smooth"
    r"|^s\d+$|modulated|flair|(?:^|[-_])t2w?(?:$|[-_])|^(?:cat12|spm|fmriprep|smriprep)",
    re.IGNORECASE,
)
"""Above the participants' folders: names of sites and groups are many, these tell how maps were made."""


@dataclass(frozen=True)
class Kind:
    """How a map was made, as far as names and folders say.

    Attributes
    ----------
    program
        The program, or family of programs, whose naming it is.
    space
        Name of the template, ``NAME:cohort-N`` for an age band of it; ``template`` where the name only says that
        there is one, ``native`` where none.
    modulation
        Whether values were scaled by the warp's volume change: ``modulated``, ``unmodulated``, or ``modulated for
        the non-linear part``.
    smoothing
        The kernel, ``8 mm``; ``unknown kernel`` where the name only says that there was one; empty for none.
    contrast
        Of the image that was segmented, BIDS suffix in lower case.
    stream
        ``longitudinal``, where a participant's sessions were processed together.
    pipeline
        Where one program has several: the folders that tell them apart.
    variant
        All other entities of the name (``rec``, ``res``, ``desc``, ``ce`` …), in alphabetical order.
    root
        The derivative dataset's folder in the BIDS directory; empty for the directory itself.
    """

    program: str
    space: str
    modulation: str = "unmodulated"
    smoothing: str = ""
    contrast: str = "t1w"
    stream: str = ""
    pipeline: str = ""
    variant: str = ""
    root: str = ""

    @property
    def in_template_space(self) -> bool:
        """Whether the map can be compared with other participants' voxel by voxel."""
        return self.space == "template" or TEMPLATE_SPACES.fullmatch(self.space) is not None

    @property
    def preference(self) -> tuple[int | bool, ...]:
        """Sort key, the preferred first."""
        adult = self.space == "template" or ADULT_SPACES.fullmatch(self.space) is not None
        space = USUAL_SPACES.index(self.space) if self.space in USUAL_SPACES else len(USUAL_SPACES)
        kernel = re.match(r"\d+", self.smoothing)
        plain = self.variant in ("", "desc-modulated")
        return (
            *(self.contrast != "t1w", self.modulation == "unmodulated", self.smoothing != "", not adult),
            *(self.stream != "", not plain, self.modulation != "modulated", PROGRAMS.index(self.program)),
            *(space, int(kernel[0]) if kernel else 0),
        )

    def describe(self) -> str:
        """Say it in words."""
        words = [self.program, f"space {self.space}", self.modulation]
        words += [f"smoothed ({self.smoothing})"] if self.smoothing else []
        words += [f"of the {self.contrast.upper()}"] if self.contrast != "t1w" else []
        words += [part for part in (self.stream, self.pipeline, self.variant) if part]
        return ", ".join(words) + (f", in {self.root}" if self.root else "")


def read_entities(stem: str) -> tuple[dict[str, str], list[str]]:
    """Take a BIDS name without extension apart: its entities, and the words that are none."""
    pieces = [piece.split("-", 1) for piece in stem.split("_")]
    entities = {piece[0].lower(): piece[1] for piece in pieces if len(piece) == 2}
    return entities, [piece[0] for piece in pieces if len(piece) == 1]


def _plain(value: str) -> str:
    return (value.lstrip("0") or "0") if value.isdigit() else value.casefold()


def variant_of(entities: Mapping[str, str], words: Iterable[str]) -> str:
    """Write down what tells kinds apart and has no attribute of its own: entities, and words such as ``defaced``."""
    others = sorted(set(entities) - _ONE_OF_SEVERAL - _ELSEWHERE)
    plain = [word.casefold() for word in words if word.isalpha() and word.casefold() not in _CONTRAST_OF]
    return " ".join([*(f"{name}-{_plain(entities[name])}" for name in others), *plain])


def contrast_of(words: Iterable[str]) -> str:
    """Find the contrast among a name's words; T1w, which nearly all maps come from, where none says so."""
    found = [_CONTRAST_OF[word.casefold()] for word in words if word.casefold() in _CONTRAST_OF]
    return next((contrast for contrast in found if contrast != "t1w"), "t1w")


def space_of(text: str, cohort: str = "") -> str:
    """Bring a template's name to one form: ``MNIPediatricAsym+3`` is ``MNIPediatricAsym:cohort-3``."""
    name, _, band = text.partition("+")
    usual = {space.casefold(): space for space in USUAL_SPACES}
    name, band = usual.get(name.casefold(), name), _plain(band or cohort)
    return f"{name}:cohort-{band}" if band else name


def kernel_of(text: str) -> str:
    """Bring a kernel to one form: ``8``, ``08`` and ``8mm`` are ``8 mm``."""
    number = re.search(r"\d+", text)
    return f"{int(number[0])} mm" if number else "unknown kernel"


def pipeline_of(path: str, root: str, label: str, session: str) -> str:
    """Write down the folders that tell one program's pipelines apart.

    Below the participant's folder all do, but those that every dataset has (``anat``, ``mri``, ``ses-1``); above it
    few: a folder there is more often a site's or a group's.
    """
    folders = path.removeprefix(f"{root}/").split("/")[:-1]
    own = [at for at, name in enumerate(folders) if name.startswith("sub-") or _plain(name) == _plain(label)]
    below = own[-1] + 1 if own else len(folders)
    above = [
        name for name in folders[:below] if _PIPELINE_FOLDERS.search(name) and not name.startswith("sub-")
    ]
    inside = [name for name in folders[below:] if name != session and not _ORDINARY_FOLDERS.fullmatch(name)]
    return "/".join(name.casefold() for name in (*above, *inside))
