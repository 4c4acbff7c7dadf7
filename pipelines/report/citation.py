"""The methods paragraph and its references as files, as BIDS Apps have them: ``logs/CITATION.md`` and ``.bib``."""

import re

from adhd_cvae.io import write_text
from pipelines.output_dir.results import Results
from pipelines.report.methods import paragraph, used_references

_REFERENCE = re.compile(
    r"(?P<authors>.+?)\. (?P<title>.+?)\. (?P<place>.+), (?P<year>\d{4})\.(?: (?P<kind>doi|arXiv):(?P<number>\S+))?"
)
_ARXIV = re.compile(r"arXiv:(\S+)")
_JOURNAL = re.compile(r"(?P<journal>.+?) (?P<volume>\d+)(?::(?P<pages>\S+))?")
_INITIALS = re.compile(r"(?P<name>.+) (?P<initials>[A-Z]{1,3})")


def write_citation(results: Results) -> None:
    """Write both, with what this run used and nothing else."""
    used = used_references(results)
    listed = "\n".join(f"{number}. {text}" for number, (_, text) in enumerate(used, start=1))
    text = f"# Methods\n\n{paragraph(results)}\n\n# References\n\n{listed}\n"
    write_text(text, results.paths.citation)
    write_text("\n".join(bibtex(key, one) for key, one in used), results.paths.bibliography)


def bibtex(key: str, reference: str) -> str:
    """Turn a reference, ``Authors. Title. Place, year. doi:…``, into an entry.

    Raises
    ------
    ValueError
        It is written otherwise.
    """
    found = _REFERENCE.fullmatch(reference)
    if found is None:
        raise ValueError(f"{key} is not written as 'Authors. Title. Place, year. doi:…': {reference}")
    fields = {"author": _authors(found["authors"]), "title": f"{{{found['title']}}}", "year": found["year"]}
    journal, preprint = _JOURNAL.fullmatch(found["place"]), _ARXIV.fullmatch(found["place"])
    if journal is not None:
        pages = (journal["pages"] or "").replace("–", "--")
        fields |= {"journal": journal["journal"], "volume": journal["volume"], "pages": pages}
    elif preprint is None:
        fields["howpublished"] = found["place"]
    if found["kind"] == "doi":
        fields["doi"] = found["number"]
    elif number := (preprint[1] if preprint else found["number"]):
        fields |= {"eprint": number, "archiveprefix": "arXiv"}
    lines = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items() if value)
    return f"@{'misc' if journal is None else 'article'}{{{key},\n{lines}}}\n"


def _authors(names: str) -> str:
    """Separate names as BibTeX wants it; a name without initials is one word, or a consortium."""
    written = []
    for name in names.split(", "):
        parts = _INITIALS.fullmatch(name)
        if name == "et al":
            written.append("others")
        elif parts is None:
            written.append(f"{{{name}}}")
        else:
            written.append(f"{parts['name']}, {' '.join(f'{one}.' for one in parts['initials'])}")
    return " and ".join(written)
