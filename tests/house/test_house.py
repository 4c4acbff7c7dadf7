"""The house keeps its limits; and the measures see what they claim to see, on small made-up trees."""

import subprocess
import sys
from pathlib import Path

import measure
import pytest
from measures import Measure, measure_house

LIMITED = [
    "modules in a folder",
    "rooms",
    "arrows between rooms",
    "lines of the longest file",
    "lines of the longest function",
    "arguments of a function",
    "functions with four arguments or fewer, %",
    "booleans that may be given by position",
    "functions that take a recipe",
    "functions that take OUTPUT_DIR",
    "lines of the product",
]


@pytest.fixture(scope="module")
def house() -> dict[str, Measure]:
    return {one.name: one for one in measure_house(measure.CHECKOUT)}


def test_every_limit_is_asserted_here(house):
    assert [one.name for one in house.values() if one.limit is not None] == LIMITED


@pytest.mark.parametrize("name", LIMITED)
def test_the_house_keeps_the_limit(house, name):
    assert house[name].breaches == [], "\n".join(house[name].offenders[: measure.WORST])


def measured(folder: Path, name: str, files: dict[str, str]) -> Measure:
    """One measure of a made-up tree."""
    for file, text in files.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    return next(one for one in measure_house(folder) if one.name == name)


def test_a_full_folder_counts_its_modules_without_its_face(tmp_path):
    files = {f"adhd_cvae/room/m{number}.py": "" for number in range(19)} | {"adhd_cvae/room/__init__.py": ""}
    found = measured(tmp_path, "modules in a folder", files)
    assert found.values["adhd_cvae"] == 19
    assert found.breaches == ["adhd_cvae: modules in a folder 19, limit 18"]


def test_rooms_are_subfolders_and_single_modules(tmp_path):
    files = dict.fromkeys(["pipelines/__init__.py", "pipelines/cli/main.py", "pipelines/cli/options.py"], "")
    found = measured(tmp_path, "rooms", files | {"pipelines/progress.py": "", "pipelines/__main__.py": ""})
    assert found.values == {"adhd_cvae": 0, "bids_adapters": 0, "pipelines": 2}


ARROWS = {
    "import adhd_cvae.io": 1,
    "from adhd_cvae import io": 1,
    "from adhd_cvae.io import write_tsv": 1,
    "from .. import io": 1,
    "from ..io import write_tsv": 1,
    "import adhd_cvae.io\nfrom adhd_cvae.io import write_tsv": 1,
    "def late():\n    import adhd_cvae.io": 1,
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import adhd_cvae.io": 1,
    "import adhd_cvae.images.cache": 0,
    "from adhd_cvae import train": 0,
    "import bids_adapters.io": 0,
    "import io": 0,
}


@pytest.mark.parametrize(("line", "arrows"), ARROWS.items(), ids=[repr(line) for line in ARROWS])
def test_an_arrow_is_drawn_once_from_room_to_room(tmp_path, line, arrows):
    files = dict.fromkeys(
        ["adhd_cvae/__init__.py", "adhd_cvae/io.py", "adhd_cvae/images/cache.py", "bids_adapters/io.py"], ""
    )
    found = measured(tmp_path, "arrows between rooms", files | {"adhd_cvae/images/nifti.py": line})
    assert found.values["adhd_cvae"] == arrows


def test_arrows_of_calls_and_of_types_are_told_apart(tmp_path):
    lines = "if TYPE_CHECKING:\n    import adhd_cvae.io\ndef late():\n    import adhd_cvae.names"
    files = {"adhd_cvae/io.py": "", "adhd_cvae/names.py": "", "adhd_cvae/images/nifti.py": lines}
    found = measured(tmp_path, "arrows between rooms", files)
    assert found.cell == "2 (1 only in calls, 1 only for types) / 0 / 0"
    assert "   1  adhd_cvae: images → io  (adhd_cvae/images/nifti.py:2, types)" in found.offenders


def test_lines_of_a_function_include_its_decorator_and_its_inner_functions(tmp_path):
    text = "\n@cache\ndef outer():\n    def inner():\n        return 1\n\n    return inner\n"
    found = measured(tmp_path, "lines of the longest function", {"adhd_cvae/names.py": text})
    assert found.offenders == ["   6  adhd_cvae/names.py:3 outer", "   2  adhd_cvae/names.py:4 inner"]


@pytest.mark.parametrize(
    ("signature", "arguments"),
    [("a, b=1", 2), ("a, /, b, *, c", 3), ("*rows, **options", 2), ("self, a", 1), ("cls", 0)],
)
def test_arguments_are_counted_without_self(tmp_path, signature, arguments):
    files = {"bids_adapters/atlas.py": f"def function({signature}): ..."}
    assert measured(tmp_path, "arguments of a function", files).values["bids_adapters"] == arguments


def test_nine_in_ten_take_four_arguments_or_fewer(tmp_path):
    text = "def many(a, b, c, d, e): ...\n" + "".join(f"def few{n}(a, b, c, d): ...\n" for n in range(8))
    found = measured(tmp_path, "functions with four arguments or fewer, %", {"pipelines/compute.py": text})
    assert found.values["pipelines"] == 88.9
    assert found.breaches == ["pipelines: functions with four arguments or fewer, % 88.9, limit ≥ 90"]


@pytest.mark.parametrize(
    ("signature", "count"),
    [
        ("overwrite: bool", 1),
        ("overwrite: Overwrite = False", 1),
        ("overwrite: bool | None = None", 1),
        ("overwrite=True", 1),
        ("*, overwrite: bool = False", 0),
        ("count: int = 0", 0),
        ("decide: Callable[[str], bool]", 0),
    ],
)
def test_booleans_by_position_are_found(tmp_path, signature, count):
    name = "booleans that may be given by position"
    assert measured(tmp_path, name, {"pipelines/a.py": f"def f({signature}): ..."}).values["all"] == count


@pytest.mark.parametrize(
    ("signature", "recipes", "folders", "runs", "options"),
    [
        ("recipe: Recipe", 1, 0, 0, 0),
        ("settings: 'Recipe | None'", 1, 0, 0, 0),
        ("recipe", 1, 0, 0, 0),
        ("recipe: RecipeName = None, output_dir: OutputDir = None", 0, 0, 0, 1),
        ("model: ModelConfig", 0, 0, 0, 0),
        ("paths: OutputPaths", 0, 1, 0, 0),
        ("members: Mapping[int, OutputPaths]", 0, 1, 0, 0),
        ("output_dir: Path", 0, 1, 0, 0),
        ("paths: Sequence[Path]", 0, 0, 0, 0),
        ("run: Run", 0, 0, 1, 0),
    ],
)
def test_who_takes_recipe_folder_and_run(tmp_path, signature, recipes, folders, runs, options):
    for name, count in (
        ("functions that take a recipe", recipes),
        ("functions that take OUTPUT_DIR", folders),
        ("functions that take a Run (of both)", runs),
        ("functions of the command line with such an option", options),
    ):
        text = f"from pipelines.run import Run\ndef f({signature}): ..."
        assert measured(tmp_path, name, {"pipelines/a.py": text}).values["all"] == count


def test_a_run_of_mlflow_is_none_of_ours(tmp_path):
    text = "from mlflow.entities import Run\ndef title(run: Run): ..."
    assert (
        measured(tmp_path, "functions that take a Run (of both)", {"pipelines/a.py": text}).values["all"] == 0
    )


def test_numbers_of_modules_are_listed_but_those_of_config_and_names(tmp_path):
    text = "ALPHA = 40.0\n_MOST: int = 2**20\nlower = 3\nWORDS = 'a'\nON = True\ndef f():\n    INNER = 1\n"
    files = {"adhd_cvae/cache.py": text, "adhd_cvae/config.py": text, "adhd_cvae/names.py": text}
    found = measured(tmp_path, "numbers of modules outside config and names, for review", files)
    assert found.offenders == ["adhd_cvae/cache.py:1 ALPHA", "adhd_cvae/cache.py:2 _MOST"]


def test_the_script_prints_before_and_now_and_writes_the_readme(tmp_path):
    for tree, lines in (("old", 3), ("new", 2)):
        (tmp_path / tree / "adhd_cvae").mkdir(parents=True)
        (tmp_path / tree / "adhd_cvae" / "__init__.py").write_text("\n" * lines)
    readme = tmp_path / "new" / "tests" / "README.md"
    readme.parent.mkdir()
    readme.write_text("before\n<!-- house -->\nstale\n<!-- /house -->\nafter\n")
    command = [sys.executable, measure.__file__, "new", "--before", "old", "--worst", "--write"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "| lines of the product | 39,240 | 3 | 2 |" in done.stdout
    assert "import adhd_cvae: " in done.stdout
    written = readme.read_text()
    assert written.startswith("before\n<!-- house -->\n")
    assert written.endswith("<!-- /house -->\nafter\n")
    assert "| lines of the product | 39,240 | 3 | 2 |" in written
    assert "stale" not in written


def test_a_readme_without_the_markers_is_refused(tmp_path):
    readme = tmp_path / "README.md"
    readme.write_text("no place")
    with pytest.raises(SystemExit, match="no <!-- house -->"):
        measure.write_table(readme, "| table |\n")
    assert readme.read_text() == "no place"


def test_tests_of_one_file_share_a_process(request):
    """A fixture that takes long is made once, where pytest-xdist writes the group behind the test's name."""
    if request.config.getoption("loadgroup", False):
        assert request.node.nodeid.endswith(f"@{__file__}")
