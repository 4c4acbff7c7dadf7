"""What a person sees while a stage works: bars on a terminal, lines elsewhere, always on standard error."""

import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, unquote_plus

_SECONDS_BETWEEN_LINES = 5.0
_SECRETS = ("MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "AWS_SECRET_ACCESS_KEY")
_ADDRESSES = ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "MLFLOW_BACKEND_STORE_URI")
_IN_LOGIN = r"(\w://[^:/?#@]*):(.*)@"
_IN_QUERY = r"([?&;](?:ssl)?(?:password|passwd|pwd|token))=([^\s&;#'\"]+)"
"""Drivers of databases take a password among the options of an address, too."""
_PLACE = re.compile(r"(?<![\w.~/-])(?:file://)?(?:~|[A-Za-z]:)?[\\/](?:[^\s\\/'\",;]+[\\/])*")
_PARTICIPANT = re.compile(r"\bsub-[0-9A-Za-z]+|\b[\w.-]+\.nii(?:\.gz)?\b")


class Tick(Protocol):
    """Called with how much is done, of how much, and a note for the reader."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show it."""


@dataclass
class _Log:
    path: Path
    begun: bool = False

    def add(self, text: str) -> None:
        """Add a line; the first one also says what wrote it, so that a refused command leaves no log."""
        from adhd_cvae.io import append_text  # brings pandas, which --help can do without

        if not self.begun:
            self.begun = True
            self.add(f"adhd-cvae {version('adhd-cvae')} begins")
        inside = without_passwords(text).replace(f"{self.path.parents[1]}/", "")
        kept = _PARTICIPANT.sub("…", _PLACE.sub("", inside)).replace("\n", " ")
        if kept.strip():
            append_text(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {kept}\n", self.path)


_logs: list[_Log] = []


@contextmanager
def logged(path: Path) -> Iterator[None]:
    """Add to the log at `path` what is done while the block runs, and how it ends; no place and no participant."""
    log, ended = _Log(path), "interrupted"
    _logs.append(log)
    try:
        yield
        ended = "done"
    except Exception as error:
        ended = f"stopped by {type(error).__name__}"
        raise
    finally:
        _logs.remove(log)
        if log.begun:
            log.add(ended)


def _log(text: str) -> None:
    for log in _logs:
        log.add(text)


def without_passwords(text: str) -> str:
    """Hide the passwords of addresses in a text, and those that the environment gives MLflow."""
    for secret in sorted(_secrets(), key=len, reverse=True):
        text = text.replace(secret, "…")
    text = re.sub(r"(\w://[^\s:/?#@]*):[^\s'\"]*@", r"\1:…@", text)
    return re.sub(_IN_QUERY, r"\1=…", text, flags=re.IGNORECASE)


def _secrets() -> set[str]:
    """Secrets of the environment as they stand there, and as a driver that decodes its address shows them."""
    found = {os.environ.get(name, "") for name in _SECRETS}
    for name in _ADDRESSES:
        address = os.environ.get(name, "")
        found |= {
            one
            for pattern in (_IN_LOGIN, _IN_QUERY)
            for *_, one in re.findall(pattern, address, re.IGNORECASE)
        }
    return {form for secret in found for form in (secret, unquote(secret), unquote_plus(secret))} - {""}


class Progress(Protocol):
    """The stages' side: they say what they do and never know what shows it."""

    def line(self, text: str) -> None:
        """Tell one thing."""
        ...

    def warning(self, text: str) -> None:
        """Tell one thing that deserves a look."""
        ...

    def bar(self, title: str) -> AbstractContextManager[Tick]:
        """Follow something that takes more than two seconds."""
        ...


class Silent:
    """Shows nothing; keeps the warnings for whoever asks."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def line(self, text: str) -> None:
        """Show nothing."""

    def warning(self, text: str) -> None:
        """Keep the warning."""
        self.warnings.append(text)

    @contextmanager
    def bar(self, title: str) -> Iterator[Tick]:
        """Follow nothing."""
        yield lambda done, total, note="": None


class PlainLines:
    """For logs and pipes: a line at the start, at most one every few seconds, one at the end."""

    def line(self, text: str) -> None:
        """Print one line."""
        self._print(text)
        _log(text)

    def warning(self, text: str) -> None:
        """Print one line that starts with the word."""
        self.line(f"Warning: {text}")

    def _print(self, text: str) -> None:
        print(without_passwords(text), file=sys.stderr, flush=True)

    @contextmanager
    def bar(self, title: str) -> Iterator[Tick]:
        """Print how far it is, now and then."""
        started = last = time.monotonic()
        self.line(f"{title} …")

        def tick(done: int, total: int, note: str = "") -> None:
            nonlocal last
            if time.monotonic() - last >= _SECONDS_BETWEEN_LINES and done < total:
                last = time.monotonic()
                left = f", {_in_words((last - started) * (total - done) / done)} left" if done else ""
                self._print(f"  {done} of {total}{left}{f': {note}' if note else ''}")

        yield tick
        self.line(f"{title}: {time.monotonic() - started:.1f} s")


def _in_words(seconds: float) -> str:
    """Say a duration shortly, more exactly the shorter it is."""
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes / 60:.1f} h"


class TerminalBars:
    """For a terminal: one bar at a time, with the time it took and that left, and a note."""

    def __init__(self) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False)

    def line(self, text: str) -> None:
        """Print one line above the bar."""
        self._console.print(without_passwords(text), markup=False)
        _log(text)

    def warning(self, text: str) -> None:
        """Print one line in yellow."""
        self._console.print(without_passwords(f"Warning: {text}"), style="yellow", markup=False)
        _log(f"Warning: {text}")

    @contextmanager
    def bar(self, title: str) -> Iterator[Tick]:
        """Draw a bar while the block runs, and leave one line with its time."""
        from rich import progress as bars

        columns = (
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(bar_width=24),
            bars.MofNCompleteColumn(),
            bars.TimeElapsedColumn(),
            bars.TimeRemainingColumn(compact=True),
            bars.TextColumn("left {task.fields[note]}", markup=False),
        )
        started = time.monotonic()
        _log(f"{title} …")
        with bars.Progress(*columns, console=self._console, transient=True) as display:
            task = display.add_task(title, total=None, note="")
            yield lambda done, total, note="": display.update(task, completed=done, total=total, note=note)
        self.line(f"{title}: {time.monotonic() - started:.1f} s")


def for_this_terminal() -> Progress:
    """Choose bars where standard error is a terminal, plain lines otherwise."""
    return TerminalBars() if sys.stderr.isatty() else PlainLines()
