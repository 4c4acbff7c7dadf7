"""tests/ mirrors the packages; and the check names what is missing and what is too much."""

import subprocess
import sys
from pathlib import Path

import mirrors
import pytest


def write(folder: Path, *files: str) -> Path:
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("")
    return folder


def test_every_module_has_its_test():
    assert mirrors.missing_mirrors(mirrors.CHECKOUT) == []


def test_every_test_in_the_mirror_has_its_module():
    assert mirrors.surplus_tests(mirrors.CHECKOUT) == []


def test_every_exemption_spares_a_module():
    assert mirrors.stale_exemptions(mirrors.CHECKOUT) == []


def test_a_missing_test_is_named(tmp_path):
    write(tmp_path, "adhd_cvae/__init__.py", "adhd_cvae/cohort/table.py", "pipelines/progress.py")
    write(tmp_path, "tests/pipelines/test_progress.py")
    assert mirrors.missing_mirrors(tmp_path) == [
        "adhd_cvae/cohort/table.py: tests/adhd_cvae/cohort/test_table.py"
    ]


def test_a_test_without_a_module_is_named(tmp_path):
    write(tmp_path, "adhd_cvae/cohort/table.py", "tests/adhd_cvae/cohort/test_table.py")
    write(tmp_path, "tests/adhd_cvae/test_table.py", "tests/pipelines/stages/test_train.py")
    assert mirrors.surplus_tests(tmp_path) == [
        "tests/adhd_cvae/test_table.py",
        "tests/pipelines/stages/test_train.py",
    ]


@pytest.mark.parametrize(
    "test",
    [
        "tests/adhd_cvae/test_analysis.py",  # of the package's face
        "tests/whole/test_demo.py",
        "tests/test_walk.py",
        "tests/adhd_cvae/analysis/invented.py",  # no test, but what tests share
    ],
)
def test_a_test_of_a_package_or_of_several_modules_is_not_surplus(tmp_path, test):
    write(tmp_path, "adhd_cvae/analysis/__init__.py", test)
    assert mirrors.surplus_tests(tmp_path) == []


def test_faces_need_no_test_of_their_own(tmp_path):
    write(tmp_path, "adhd_cvae/__init__.py", "adhd_cvae/__main__.py", "adhd_cvae/analysis/__init__.py")
    assert mirrors.missing_mirrors(tmp_path) == []


def test_an_exemption_spares_a_module_and_is_stale_without_it(tmp_path, monkeypatch):
    monkeypatch.setattr(mirrors, "EXEMPT", {"pipelines/notebooks/*.py": "run whole"})
    write(tmp_path, "pipelines/progress.py", "tests/pipelines/test_progress.py")
    assert mirrors.stale_exemptions(tmp_path) == ["pipelines/notebooks/*.py"]
    write(tmp_path, "pipelines/notebooks/walk.py")
    assert mirrors.missing_mirrors(tmp_path) == []
    assert mirrors.stale_exemptions(tmp_path) == []


def test_alone_it_prints_the_names_and_fails(tmp_path):
    write(tmp_path, "adhd_cvae/io.py", "tests/adhd_cvae/test_files.py")
    done = subprocess.run(
        [sys.executable, mirrors.__file__, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "  adhd_cvae/io.py: tests/adhd_cvae/test_io.py" in done.stdout
    assert "  tests/adhd_cvae/test_files.py" in done.stdout
