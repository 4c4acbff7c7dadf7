"""The image cache."""

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import ImageError, InputError
from adhd_cvae.images.comparison import octant_sums, same_brains, scale_factors
from adhd_cvae.images.header import noted_kernel
from adhd_cvae.images.journal import Journalled, Prepared, Progress, in_chunks
from adhd_cvae.images.nifti import load_map
from adhd_cvae.images.resampling import grid_affine
from adhd_cvae.io import (
    atomic_path,
    file_checksum,
    fingerprint,
    new_array_file,
    read_object,
    remove,
    replace,
    write_json,
)

IMAGE_SETTINGS = ("shape", "voxel_size", "centre", "fwhm", "min_template_correlation", "max_offset")
PARTIAL, JOURNAL = ".images.partial.npy", ".images.partial.jsonl"
"""What is resampled so far, and which maps that is."""


def prepare_images(
    paths: Sequence[Path], image: ImageConfig, cache_dir: Path, progress: Progress, *, named: bool = True
) -> list[ImageError | None]:
    """Resample every map once into one memory-mapped array.

    Writes ``images.npy``, (good maps, *image.shape) float16 in the order of `paths`, and ``manifest.json`` with the
    affine, the settings and each file's checksum. An interrupted call goes on where it stopped; a call whose files
    (name, size, time of change) and settings are those of the manifest does nothing.

    Parameters
    ----------
    named
        Whether the cache may name the files; else their numbers stand there, and of what is left out the reason alone.

    Returns
    -------
    list
        For each path None, or why its map cannot be used.
    """
    settings = grid_settings(image)
    sources = [file_marks(path) for path in paths]
    key = fingerprint([settings, sources])
    manifest = read_object(cache_dir / "manifest.json")
    if manifest.get("key") == key and _is_whole(cache_dir, manifest):
        return [_error_from(row) for row in manifest["maps"]]
    journalled = Journalled(cache_dir / PARTIAL, cache_dir / JOURNAL, key, (len(paths), *image.shape))

    def chunks(first: int) -> Iterator[list[Prepared]]:
        for chunk in resampled(paths[first:], image):
            yield chunk if named else [(volume, _nameless(row)) for volume, row in chunk]

    rows = _compared(paths, journalled.fill(chunks, progress), image, cache_dir / PARTIAL)
    if not named:
        sources = [source | {"file": str(number)} for number, source in enumerate(sources, start=1)]
        rows = [_nameless(row) for row in rows]
    errors = [_error_from(row) for row in rows]
    _keep_good(cache_dir, [error is None for error in errors])
    maps = [source | row for source, row in zip(sources, rows, strict=True)]
    content = {
        "key": key,
        "affine": grid_affine(image).tolist(),
        "settings": settings,
        "images": file_checksum(cache_dir / "images.npy"),
        "maps": maps,
    }
    write_json(content, cache_dir / "manifest.json")
    remove(cache_dir / JOURNAL)
    return errors


def grid_settings(image: ImageConfig) -> dict[str, Any]:
    """What decides which maps are in the cache, and how; a check by default goes unnamed, as in older caches."""
    check = image.check.model_dump(exclude_defaults=True, mode="json")
    return image.model_dump(include=set(IMAGE_SETTINGS), mode="json") | ({"check": check} if check else {})


def _is_whole(cache_dir: Path, manifest: dict[str, Any]) -> bool:
    """Whether the array is there as it was written, to the bit."""
    path = cache_dir / "images.npy"
    return path.is_file() and manifest.get("images") == file_checksum(path)


def file_marks(path: Path) -> dict[str, Any]:
    """Name, size and time of change: enough to notice another file without reading it."""
    try:
        status = path.stat()
    except OSError:
        return {"file": path.name, "bytes": None, "mtime_ns": None}
    return {"file": path.name, "bytes": status.st_size, "mtime_ns": status.st_mtime_ns}


def _error_from(row: dict[str, Any]) -> ImageError | None:
    return None if row["reason"] is None else ImageError(row["reason"], row["detail"])


def _nameless(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is told of a map in words, which name its file."""
    return row | {"detail": row["reason"]}


def _compared(
    paths: Sequence[Path], rows: list[dict[str, Any]], image: ImageConfig, partial: Path
) -> list[dict[str, Any]]:
    """Refuse what only shows beside the other maps: another scale, and one brain under two names."""
    array = np.load(partial, mmap_mode="r")
    good = {number: array[number] for number, row in enumerate(rows) if row["reason"] is None}
    octants = octant_sums(good)
    refused: dict[int, ImageError] = {}
    for number, factor in scale_factors(octants, image).items():
        detail = (
            f"{paths[number].name} holds {factor:.3g} times the gray matter of the median map; expected at most "
            f"{image.check.largest_scale:g} times more or less (image.check.largest_scale). Is its scale factor lost?"
        )
        refused[number] = ImageError("other_scale", detail)
    kernels = {number: kernel for number in good if (kernel := noted_kernel(paths[number])) is not None}
    usual = max(sorted(set(kernels.values())), key=list(kernels.values()).count, default=None)
    for number, kernel in kernels.items():
        if kernel != usual:
            detail = f"{paths[number].name} was smoothed by {kernel} mm, as its header says, most maps by {usual} mm."
            refused[number] = ImageError("other_smoothing", detail)
    for number, copies in same_brains(good, octants, image).items():
        others = " and ".join(paths[other].name for other in copies)
        detail = (
            f"{paths[number].name} is the same brain as {others}; nobody knows whose. Keep the right one."
        )
        refused[number] = ImageError("same_brain", detail)
    return [
        row
        if (why := refused.get(number)) is None
        else {"sha256": None, "reason": why.reason, "detail": why.detail}
        for number, row in enumerate(rows)
    ]


def resampled(paths: Sequence[Path], image: ImageConfig) -> Iterator[list[Prepared]]:
    """Yield the maps' volumes and manifest rows, a chunk at a time."""

    def resample(path: Path) -> Prepared:
        try:
            volume = load_map(path, image)
        except ImageError as error:
            return None, {"sha256": None, "reason": error.reason, "detail": error.detail}
        return volume, {"sha256": file_checksum(path), "reason": None, "detail": None}

    return in_chunks(paths, resample)


def _keep_good(cache_dir: Path, good: list[bool]) -> None:
    """Give the array its final name, without the rows of maps that could not be used."""
    partial, final = cache_dir / PARTIAL, cache_dir / "images.npy"
    if all(good):
        replace(partial, final)
        return
    copy_rows(np.load(partial, mmap_mode="r"), np.flatnonzero(good), final)
    remove(partial)


def copy_rows(source: np.ndarray, rows: np.ndarray, path: Path) -> np.ndarray:
    """Write some maps of a cache into an array file of their own, one at a time; return it, memory-mapped."""
    with atomic_path(path) as temporary:
        kept = new_array_file(temporary, (len(rows), *source.shape[1:]))
        for row, index in enumerate(rows):
            kept[row] = source[index]
        kept.flush()
    return np.load(path, mmap_mode="r")


def write_within(parts: Sequence[tuple[np.ndarray, np.ndarray]], path: Path) -> None:
    """Write maps (n, x, y, z) of several datasets into one array file, around the means of their sites (n,)."""
    with atomic_path(path) as temporary:
        shape = (sum(len(images) for images, _ in parts), *parts[0][0].shape[1:])
        written, first = new_array_file(temporary, shape), 0
        for images, sites in parts:
            codes, counts = np.unique(sites, return_inverse=True, return_counts=True)[1:]
            means = np.zeros((len(counts), *shape[1:]))
            for row, code in enumerate(codes):
                means[code] += images[row] / counts[code]
            for row, code in enumerate(codes):
                written[first + row] = images[row] - means[code]
            first += len(images)
        written.flush()


def open_images(cache_dir: Path) -> np.ndarray:
    """Open the cache read-only: (n, *shape) float16, memory-mapped.

    Raises
    ------
    InputError
        The cache is missing, cut short or changed.
    """
    path = cache_dir / "images.npy"
    try:
        images = np.load(path, mmap_mode="r")
    except FileNotFoundError:
        raise InputError(f"{path.name} is not in {cache_dir.name}/. Run `adhd-cvae prepare` first.") from None
    except (ValueError, EOFError) as error:
        raise InputError(
            f"{path.name} is damaged ({error}). Delete it and run `adhd-cvae prepare` again."
        ) from None
    manifest = read_object(cache_dir / "manifest.json")
    if "images" in manifest and not _is_whole(cache_dir, manifest):
        raise InputError(
            f"{path.name} is damaged: its checksum is not the one in manifest.json. "
            "Delete it and run `adhd-cvae prepare` again."
        )
    return images


def take_maps(images: np.ndarray, rows: np.ndarray | slice | tuple[slice, int]) -> np.ndarray:
    """Copy rows of the cache, or a plane of some, and let go of the pages they came through.

    Pages of a memory-mapped file count as resident memory of the process, though the system can take them back: an
    epoch of 50,000 maps would seem to need 26 GB, and schedulers that limit resident memory would end it.
    """
    taken = np.require(images[rows], requirements=("ENSUREARRAY", "OWNDATA"))
    if isinstance(images.base, mmap.mmap) and not images.flags.writeable and hasattr(mmap, "MADV_DONTNEED"):
        images.base.madvise(mmap.MADV_DONTNEED)
    return taken
