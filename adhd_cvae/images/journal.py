"""Arrays that take long to fill, chunk by chunk: whoever is interrupted goes on where it stopped."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from joblib import cpu_count
from threadpoolctl import threadpool_limits

from adhd_cvae.io import append_text, new_array_file, remove, written_in_place

Progress = Callable[[int, int], None]
Prepared = tuple[np.ndarray | None, dict[str, Any]]
"""What goes into a row of the array, None where there is nothing, and what the journal says of it."""
CHUNK = 32
"""Maps between two writings of the journal: what an interruption costs at most."""


def in_chunks(paths: Sequence[Path], work: Callable[[Path], Prepared]) -> Iterator[list[Prepared]]:
    """Yield what `work` makes of the files; the next chunk is worked on meanwhile, so no disk is waited for."""
    # Threads: decompression and matrix products release the interpreter. One core each, or they would compete.
    with threadpool_limits(1), ThreadPoolExecutor(cpu_count()) as threads:
        ahead: list[Iterator[Prepared]] = []
        try:
            for start in range(0, len(paths), CHUNK):
                ahead.append(threads.map(work, paths[start : start + CHUNK]))
                if len(ahead) == 2:
                    yield list(ahead.pop(0))
            for last in ahead:
                yield list(last)
        finally:
            threads.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class Journalled:
    """An array of float16 that is being filled, and the journal of what is done.

    Attributes
    ----------
    partial, journal
        Their files; who is done gives the first its final name and removes the second.
    key
        What a call must share with an interrupted one to go on with it.
    shape
        Of the array, a row a map.
    """

    partial: Path
    journal: Path
    key: str
    shape: tuple[int, ...]

    def fill(
        self, chunks: Callable[[int], Iterator[list[Prepared]]], progress: Progress
    ) -> list[dict[str, Any]]:
        """Fill the array from `chunks`, which begin at the row they are given, and return the journal's rows."""
        rows = self._done() if self.partial.exists() else None
        if rows is None:
            rows = []
            remove(self.journal)  # first, or a kill would leave it beside an empty array
            try:
                array = new_array_file(self.partial, self.shape)
                append_text(json.dumps({"key": self.key}) + "\n", self.journal)
            except OSError:  # an array without a journal is nothing to go on with
                remove(self.partial)
                raise
        else:
            array = np.lib.format.open_memmap(written_in_place(self.partial), mode="r+")
        progress(len(rows), self.shape[0])
        with self.partial.open("rb") as written:
            for chunk in chunks(len(rows)):
                for values, row in chunk:
                    if values is not None:
                        array[len(rows)] = values
                    rows.append(row)
                os.fsync(written.fileno())  # of the array too: the journal must not know more than the disk
                append_text("".join(json.dumps(row) + "\n" for row in rows[-len(chunk) :]), self.journal)
                progress(len(rows), self.shape[0])
        return rows

    def _done(self) -> list[dict[str, Any]] | None:
        """What an interrupted call with this key had done; a last line cut short does not count."""
        if not self.journal.exists():
            return None
        head, *lines = self.journal.read_text(encoding="utf-8").split("\n")[:-1] or [""]
        if head != json.dumps({"key": self.key}):
            return None
        return [json.loads(line) for line in lines]
