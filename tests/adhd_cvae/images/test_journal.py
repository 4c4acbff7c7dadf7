"""Arrays that take long to fill: whoever is interrupted goes on, whoever asks for something else begins anew."""

from pathlib import Path

import numpy as np
import pytest

from adhd_cvae.images import journal
from adhd_cvae.images.journal import Journalled, in_chunks

PATHS = [Path(str(number)) for number in range(7)]


def work(path):
    number = int(path.name)
    return (None if number == 3 else np.full((2, 3), number, np.float16)), {"number": number}


def journalled(folder, key="a"):
    return Journalled(folder / "part.npy", folder / "part.jsonl", key, (7, 2, 3))


def fill(one, seen, stop_at=99):
    def tick(done, total):
        assert total == 7
        if done >= stop_at:
            raise KeyboardInterrupt

    return one.fill(lambda first: seen.append(first) or in_chunks(PATHS[first:], work), tick)


def test_everything_comes_in_order_in_chunks(monkeypatch):
    monkeypatch.setattr(journal, "CHUNK", 3)
    chunks = list(in_chunks(PATHS, work))
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]
    assert [row["number"] for chunk in chunks for _, row in chunk] == list(range(7))


def test_who_is_interrupted_goes_on_and_another_key_begins_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "CHUNK", 2)
    seen = []
    with pytest.raises(KeyboardInterrupt):
        fill(journalled(tmp_path), seen, stop_at=4)
    rows = fill(journalled(tmp_path), seen)
    assert seen == [0, 4]
    assert [row["number"] for row in rows] == list(range(7))
    assert np.load(tmp_path / "part.npy")[:, 0, 0].tolist() == [0, 1, 2, 0, 4, 5, 6]
    fill(journalled(tmp_path, "b"), seen)
    assert seen == [0, 4, 0]
    (tmp_path / "part.jsonl").unlink()
    fill(journalled(tmp_path, "b"), seen)
    assert seen == [0, 4, 0, 0]
