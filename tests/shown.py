"""What a stage has shown, for tests that ask."""

from pipelines.progress import Silent


class Shown(Silent):
    """Shows nothing; keeps lines and warnings."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        """Keep the line."""
        self.lines.append(text)
