"""Spoilt files for the readers of maps and tables: is each read, or refused in one line, soon and in little memory?

`make fuzz` changes sound files at random, from a seed, and keeps each file at which a
reader does anything else.
"""

import gzip
import struct
import time
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from nibabel.nifti1 import Nifti1Image
from nibabel.nifti2 import Nifti2Image

from adhd_cvae.errors import InputError
from adhd_cvae.images.nifti import read_map
from adhd_cvae.io import write_tsv
from bids_adapters.phenotype.table import read_phenotype
from pipelines.cli.options import OutputDir, Seed
from pipelines.progress import Progress, for_this_terminal

MINUTES = 10
SECONDS = 2.0
"""A reader that takes longer is stuck: the sound files take milliseconds."""
MEMORY = 64 * 2**20
"""Bytes, likewise; the sound files are of some kilobytes."""
HEADER = 600
"""Bytes in which headers of maps and tables lie: half of the changes go there."""
COLUMNS = ("kind", "tried", "read", "refused", "found")
_NUMBERS = (
    *(struct.pack("<h", number) for number in (0, 1, -1, 2**15 - 1, -(2**15))),
    *(struct.pack("<i", number) for number in (0, -1, 2**31 - 1, -(2**31))),
    *(struct.pack("<q", number) for number in (-1, 2**40, 2**63 - 1)),
    *(struct.pack("<f", number) for number in (np.nan, np.inf, -np.inf, 3e38, 1e-45)),
)
_TEXTS = (b"\t", b"\n", b"\r", b",", b'"', b"\0", b"\xff", b"\xef\xbb\xbf", b"n/a", b"nan", b"1e999", b"sub-")
_TABLE = (
    "participant_id\tsite\tdx\tage\tsex\tinattentive\tnote\nsub-01\t1\t1\t9.5\tM\t12\tx y\n"
    "sub-02\t2\t0\t10\tF\tn/a\t\nsub-0003\t1\t3\t-999\t1\t7\t'\n"
)


def sound_files() -> dict[str, bytes]:
    """Small sound files by their ending."""
    values = np.random.default_rng(0).random((5, 6, 7)).astype(np.float32)
    plain, second = (kind(values, np.eye(4)).to_bytes() for kind in (Nifti1Image, Nifti2Image))
    return {
        "nii": plain,
        "2.nii": second,
        "nii.gz": plain,
        "tsv": _TABLE.encode(),
        "csv": _TABLE.replace("\t", ",").encode("utf-8-sig"),
        "16.tsv": _TABLE.encode("utf-16"),
    }


def spoil(content: bytes, rng: np.random.Generator) -> bytes:
    """Change a few bytes, numbers or pieces, half of them near the start."""
    spoilt = bytearray(content)
    for _ in range(rng.integers(1, 6)):
        end = min(len(spoilt), HEADER) if rng.random() < 0.5 else len(spoilt)
        at = int(rng.integers(max(end, 1)))
        length = int(2 ** rng.uniform(0, 8))
        match rng.integers(6):
            case 0:
                spoilt[at : at + 1] = bytes([rng.integers(256)])
            case 1:
                number = _NUMBERS[rng.integers(len(_NUMBERS))]
                spoilt[at : at + len(number)] = number
            case 2:
                spoilt[at:at] = _TEXTS[rng.integers(len(_TEXTS))]
            case 3:
                del spoilt[at : at + length]
            case 4:
                spoilt[at:at] = spoilt[at : at + length] * int(rng.integers(1, 20))
            case _:
                del spoilt[at if rng.random() < 0.1 else len(spoilt) :]
    return bytes(spoilt)


def outcome(path: Path) -> str:
    """Read `path`: ``read``, ``refused``, or in words what else happened."""
    tracemalloc.start()
    started = time.monotonic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            ending = _read(path)
    except InputError as error:
        long = next((line for line in error.problems if "\n" in line or len(line) > 1000), None)
        ending = "refused" if long is None else f"in more than a line: {long[:80]!r}"
    except Exception as error:  # whatever comes is what is looked for
        ending = f"{type(error).__name__}: {error}"
    finally:
        seconds, memory = time.monotonic() - started, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    if seconds > SECONDS:
        return f"took {seconds:.1f} s"
    return f"took {memory >> 20} MiB" if memory > MEMORY else ending


def _read(path: Path) -> str:
    if path.suffix in (".tsv", ".csv"):
        read_phenotype([path])
        return "read"
    values, affine = read_map(path)
    return "read" if np.isfinite(values).all() and np.isfinite(affine).all() else "read what is not finite"


def read_spoilt(
    folder: Path,
    progress: Progress,
    minutes: float = MINUTES,
    seed: int = 0,
    clock: Callable[[], float] = time.monotonic,
) -> pd.DataFrame:
    """Try spoilt files for so many minutes; one row a kind of file. What was found is kept in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, files, ends = np.random.default_rng(seed), sound_files(), clock() + 60 * minutes
    counts = {kind: dict.fromkeys(COLUMNS[1:], 0) for kind in files}
    started, seen = clock(), set[str]()
    with progress.bar("Reading spoilt files") as tick:
        while (now := clock()) < ends:
            for kind, content in files.items():
                spoilt = spoil(content, rng)
                if kind.endswith(".gz"):
                    spoilt = (
                        gzip.compress(spoilt, 1)
                        if rng.random() < 0.7
                        else spoil(gzip.compress(spoilt, 1), rng)
                    )
                path = folder / f"spoilt.{kind}"
                path.write_bytes(spoilt)
                ending = outcome(path)
                counts[kind]["tried"] += 1
                counts[kind][ending if ending in ("read", "refused") else "found"] += 1
                if ending not in ("read", "refused") and (new := f"{kind} {ending[:60]}") not in seen:
                    seen.add(new)
                    path.rename(folder / f"found-{len(seen)}.{kind}")
                    progress.line(f"found-{len(seen)}.{kind}: {ending[:200]}")
                path.unlink(missing_ok=True)
            tick(int(now - started), int(60 * minutes), f"{len(seen)} found")
    return pd.DataFrame([{"kind": kind, **count} for kind, count in counts.items()], columns=list(COLUMNS))


def main(
    output_dir: OutputDir = Path("fuzz"),
    minutes: Annotated[float, typer.Option("--minutes", min=0, help="How long.")] = MINUTES,
    seed: Seed = 0,
) -> None:
    """Spoilt files are read: does each end in a clear error?"""
    table = read_spoilt(output_dir, for_this_terminal(), minutes, seed)
    write_tsv(table, output_dir / "fuzz.tsv")
    print(f"{table.to_string(index=False)}\n\nWritten to {output_dir / 'fuzz.tsv'}")


if __name__ == "__main__":
    typer.run(main)
