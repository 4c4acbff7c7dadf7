"""An installation works whatever lies beside it: other packages of its names, no home, no leave to write."""

import csv
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("adhd_cvae", "bids_adapters", "pipelines")
NOT_OURS = shutil.ignore_patterns("__pycache__", ".*", "*.egg-info", "build", "demo", "campaign", "mlruns")
BUILD = """
import sys
from setuptools import build_meta
place = sys.argv[1]
build_meta.build_wheel(place)
build_meta.build_sdist(place)
"""
CAPABILITIES = "-dac_override,-dac_read_search"
"""By these root may read and write whatever a folder's mode says."""
PLAIN_USER = ["setpriv", "--bounding-set", CAPABILITIES, "--inh-caps", CAPABILITIES]
WITH_WORKERS = """
import sys
from adhd_cvae.__main__ import main
sys.argv = ["adhd-cvae", "--version"]
try:
    main()
except SystemExit as ended:
    assert not ended.code
from joblib import Parallel, delayed
from pipelines.compute import helps
assert Parallel(n_jobs=2, backend="loky")(delayed(helps)() for _ in range(2)) == [False, False]
"""


def call(*command: str | Path, cwd: Path, **environment: str | Path) -> subprocess.CompletedProcess:
    known = {name: os.environ[name] for name in ("PATH", "LANG", "OMP_NUM_THREADS") if name in os.environ}
    given = known | {name: str(value) for name, value in environment.items()}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=given, capture_output=True, text=True, check=False
    )


@pytest.fixture
def thieves(tmp_path: Path) -> Path:
    """A folder with packages of our names that nobody may import."""
    for name in ("bids_adapters", "pipelines"):
        (tmp_path / "lab" / name).mkdir(parents=True)
        (tmp_path / "lab" / name / "__init__.py").write_text("raise RuntimeError('the lab has its own')")
    return tmp_path / "lab"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of installed packages, as pip leaves it."""
    folder = tmp_path / "site"
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=NOT_OURS)
    about = folder / "adhd_cvae-0.1.0.dist-info"
    _record(about, "adhd-cvae", [file for name in PACKAGES for file in sorted((folder / name).rglob("*.py"))])
    return folder


def _record(about: Path, name: str, files: list[Path]) -> None:
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1.0\n")
    rows = [(file.relative_to(about.parent), "sha256=", file.stat().st_size) for file in files]
    with (about / "RECORD").open("w", newline="") as record:
        csv.writer(record).writerows(rows)


@pytest.mark.parametrize("arguments", [["-m", "adhd_cvae", "--version"], ["-c", WITH_WORKERS]])
def test_packages_of_our_names_in_the_way_are_passed_over(thieves, arguments):
    lab = os.pathsep.join([str(thieves), str(ROOT)])
    stolen = call(sys.executable, "-c", "import pipelines", cwd=thieves, PYTHONPATH=lab)
    assert "the lab has its own" in stolen.stderr
    done = call(sys.executable, *arguments, cwd=thieves, PYTHONPATH=lab)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_a_folder_without_a_module_is_in_nobodys_way(thieves):
    for name in ("bids_adapters", "pipelines"):
        (thieves / name / "__init__.py").unlink()
    done = call(sys.executable, "-m", "adhd_cvae", "--version", cwd=thieves, PYTHONPATH=f"{thieves}:{ROOT}")
    assert done.returncode == 0, done.stderr


def test_an_installation_as_it_was_made_runs(site, tmp_path):
    done = call(sys.executable, "-m", "adhd_cvae", "--version", cwd=tmp_path, PYTHONPATH=site)
    assert (done.returncode, done.stdout) == (0, "0.1.0\n"), done.stderr


def test_another_distribution_installed_over_ours_is_named(site, tmp_path):
    (site / "pipelines" / "__init__.py").write_text("theirs = True")
    _record(site / "pipelines-0.0.14.dist-info", "pipelines", [site / "pipelines" / "__init__.py"])
    done = call(sys.executable, "-m", "adhd_cvae", "--version", cwd=tmp_path, PYTHONPATH=site)
    (line,) = done.stderr.splitlines()
    assert done.returncode == 1
    assert line.startswith("adhd-cvae: pipelines/__init__.py is not the one that was installed: ")
    assert "pip uninstall pipelines; pip install --force-reinstall --no-deps" in line


def test_what_another_distribution_took_with_it_is_missed(site, tmp_path):
    (site / "pipelines" / "__init__.py").unlink()
    done = call(sys.executable, "-m", "adhd_cvae", "--version", cwd=tmp_path, PYTHONPATH=site)
    assert done.returncode == 1
    assert "pip install --force-reinstall" in done.stderr.splitlines()[0]


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """The wheel and the sdist, of a copy: building leaves files beside the sources."""
    folder = tmp_path_factory.mktemp("built")
    shutil.copytree(ROOT, folder / "source", ignore=NOT_OURS)
    done = call(sys.executable, "-c", BUILD, folder, cwd=folder / "source")
    assert done.returncode == 0, done.stderr
    shutil.rmtree(folder / "source" / "build")
    shutil.rmtree(folder / "source" / "adhd_cvae.egg-info")
    return folder


def test_the_sdist_has_all_that_a_clone_has(built):
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        held = {name.partition("/")[2] for name in sdist.getnames()}
    source = built / "source"
    assert {str(file.relative_to(source)) for file in source.rglob("*") if file.is_file()} - held == set()


def test_the_wheel_has_all_that_the_packages_need_and_nothing_else(built):
    held = set(zipfile.ZipFile(next(built.glob("*.whl"))).namelist())
    assert {f"{name}/py.typed" for name in PACKAGES} <= held
    needed = {
        str(file.relative_to(ROOT))
        for name in PACKAGES
        for file in (ROOT / name).rglob("*")
        if file.is_file() and file.suffix not in (".md", ".png") and file.parent.name != "__pycache__"
    }
    assert needed - held == set()
    assert {name.partition("/")[0] for name in held} == {*PACKAGES, "adhd_cvae-0.1.0.dist-info"}


@pytest.mark.slow
@pytest.mark.skipif(
    os.getuid() == 0 and shutil.which("setpriv") is None, reason="root may write everywhere without setpriv"
)
def test_the_wheel_runs_read_only_without_a_home_beside_packages_of_its_names(built, thieves, tmp_path):
    venv, home = tmp_path / "venv", tmp_path / "home"
    python = venv / "bin" / "python"
    assert call(sys.executable, "-m", "venv", "--without-pip", venv, cwd=tmp_path).returncode == 0
    site = venv / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))  # of this environment
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", "--no-index")
    done = call(*pip, next(built.glob("*.whl")), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    home.mkdir()
    for folder in (home, venv, *venv.rglob("*")):
        if folder.is_dir() and not folder.is_symlink():
            folder.chmod(0o555)
    (tmp_path / "out").mkdir()
    command = [
        venv / "bin" / "adhd-cvae",
        "demo",
        tmp_path / "out",
        "--recipe",
        "smoke",
        "--participants",
        "24",
    ]
    as_user = PLAIN_USER if os.getuid() == 0 else []
    try:
        assert call(*as_user, "touch", site / "new", cwd=thieves).returncode
        done = call(*as_user, *command, cwd=thieves, PYTHONPATH=thieves, HOME=home)
    finally:
        for folder in (home, venv, *venv.rglob("*")):
            if folder.is_dir() and not folder.is_symlink():
                folder.chmod(0o755)
    assert done.returncode == 0, done.stderr[-2000:]
    assert (tmp_path / "out" / "derivatives" / "adhd-cvae" / "report.html").is_file()
    assert list(home.iterdir()) == []
