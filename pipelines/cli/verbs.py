"""The page of `adhd-cvae --help`: verbs by what they are for, on one screen."""

from collections import defaultdict
from typing import Any

from typer.core import TyperGroup

START, RUN, STAGES, REUSE, CHECK = "Start", "Run", "Stages", "Reuse", "Check"
PANELS = (START, RUN, STAGES, REUSE, CHECK)
"""What verbs are for, in the order of the page."""
_USAGE = (
    "Usage: adhd-cvae VERB ...    or, as a BIDS App:",
    "       adhd-cvae BIDS_DIR OUTPUT_DIR {participant,group} ...",
)
_OPTIONS = (
    "Anywhere: -h, --help, --version, --debug. For your shell: --install-completion.",
    "Exit status: 0 done, 1 wrong data or settings, 2 wrong usage, 130 interrupted.",
)
_COLUMN = 7


class Verbs(TyperGroup):
    """A group of commands whose help shows them by `rich_help_panel`, a line each."""

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write usage, verbs and options; a verb's line is the first sentence of what it says of itself."""
        shown = defaultdict(list)
        for name, command in self.commands.items():
            if not command.hidden:
                shown[getattr(command, "rich_help_panel", None) or CHECK].append((name, command))
        width = max(map(len, self.commands))
        lines = [*_USAGE, ""]
        for panel in sorted(shown, key=PANELS.index):
            for number, (name, command) in enumerate(shown[panel]):
                words = command.get_short_help_str(formatter.width - _COLUMN - width - 3)
                lines.append(f"{'' if number else panel:<{_COLUMN}}  {name:<{width}}  {words}".rstrip())
        formatter.write("\n".join([*lines, "", *_OPTIONS]) + "\n")
