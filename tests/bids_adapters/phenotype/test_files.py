"""Tables whose content DataLad has not fetched are there, and are told."""

from pathlib import Path

import pytest

from adhd_cvae.errors import InputError
from bids_adapters.phenotype.files import find_phenotype, leave_out_not_fetched
from bids_adapters.phenotype.text_table import read_text_table

POINTERS = ("/annex/objects/MD5E-s9--0.tsv\n", "../.git/annex/objects/a/b/MD5E-s9--0.tsv/MD5E-s9--0.tsv")


@pytest.mark.parametrize("pointer", [*POINTERS, None])
def test_a_table_that_is_not_fetched_is_found_and_told(tmp_path: Path, pointer: str | None) -> None:
    (tmp_path / "phenotype").mkdir()
    path = tmp_path / "phenotype/srs.tsv"
    if pointer is None:
        path.symlink_to("../.git/annex/objects/a/b/MD5E-s9--0.tsv/MD5E-s9--0.tsv")
    else:
        path.write_text(pointer)
    (tmp_path / "participants.tsv").write_text("participant_id\nsub-1\n")
    files = find_phenotype(tmp_path)
    assert files == [tmp_path / "participants.tsv", path]
    kept, lines = leave_out_not_fetched(files)
    assert kept == files[:1]
    name = "phenotype/srs.tsv"
    assert lines == [f"{name}: not fetched: datalad get {name}, or git annex get {name}"]
    with pytest.raises(InputError, match=r"srs\.tsv: not fetched: datalad get"):
        read_text_table(path)


def test_the_table_of_participants_is_never_passed_over(tmp_path: Path) -> None:
    (tmp_path / "participants.tsv").symlink_to(".git/annex/objects/x/y/KEY/KEY")
    files = find_phenotype(tmp_path)
    assert leave_out_not_fetched(files) == (files, [])
    with pytest.raises(InputError, match=r"participants\.tsv: not fetched"):
        read_text_table(files[0])
