"""The methods paragraph with its references, from run.json."""

import re
from pathlib import Path

import yaml

from adhd_cvae.names import GROUP_LABELS
from pipelines.output_dir.results import Results
from pipelines.report.formatting import listed, template
from pipelines.report.section import holds, is_of_adhd200
from pipelines.report.summary import is_simulated

REFERENCES: dict[str, str] = yaml.safe_load(
    Path(__file__).with_name("references.yaml").read_text(encoding="utf-8")
)
"""Key to full reference, in the order of the list."""
_CITED = re.compile(r"@([a-z0-9_]+)")
"""A reference in the text, before it becomes a number."""


def used_references(results: Results) -> list[tuple[str, str]]:
    """Key and text of each reference that this run's methods call for."""
    cited = {*_CITED.findall(_text(results))}
    return [(key, text) for key, text in REFERENCES.items() if key in cited]


def paragraph(results: Results) -> str:
    """Methods, ready to paste; says only what the recipe and the tables show, cites by number."""
    places = {key: str(place) for place, (key, _) in enumerate(used_references(results), start=1)}
    return _CITED.sub(lambda found: places.get(found.group(1), found.group()), _text(results))


def _text(results: Results) -> str:
    """The paragraph of ``templates/methods.txt.j2``, its lines joined."""
    sizes = [None if results.cohort is None else len(results.members(group=group)) for group in GROUP_LABELS]
    earned = (
        None
        if results.earned is None
        else results.earned.query("model == 'cvae' and kept == 1 and splits > 0")
    )
    kept = [] if earned is None else earned[["step", "splits"]].to_numpy().tolist()
    text = template("methods.txt.j2").render(
        setting=results.setting,
        table=results.analysis,
        holds=holds,
        matched=listed([results.label(name) for name in results.setting("cohort.match") or ()]),
        patients=sizes[0],
        controls=sizes[1],
        simulated=is_simulated(results),
        of_adhd200=is_of_adhd200(results),
        voxels_tested=results.brain_map("groupP") is not None,
        trained=results.history is not None,
        folds=len(set(results.fold_of_each)),
        kept=kept[0][0] if kept else None,
        splits=kept[0][1] if kept else 0,
        software=results.run.get("software", {}),
    )
    return " ".join(line for line in text.splitlines() if line)
