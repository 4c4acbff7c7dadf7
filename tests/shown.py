"""What a stage has shown, for tests that ask."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.progress import Silent, Tick


class Shown(Silent):
    """Shows nothing; keeps lines, warnings and what bars were told."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self.ticks: list[tuple[str, int, int]] = []

    def line(self, text: str) -> None:
        """Keep the line."""
        self.lines.append(text)

    @contextmanager
    def bar(self, title: str) -> Iterator[Tick]:
        """Keep how far it was."""
        yield lambda done, total, note="": self.ticks.append((title, done, total))
