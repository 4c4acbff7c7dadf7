"""Files are written, replaced and removed through `adhd_cvae.io` and `pipelines.output_dir.ownership` alone.

Looked for in the syntax trees: calls by which Python and the libraries here write, rename or remove a file. What is
done to the path that `atomic_path` gives is done through `adhd_cvae.io`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from adhd_cvae import io

ROOT = Path(__file__).parents[2]
PACKAGES = ("adhd_cvae", "bids_adapters", "pipelines")
WRITERS = {
    *(
        "write_text",
        "write_bytes",
        "to_csv",
        "to_json",
        "to_excel",
        "to_parquet",
        "to_pickle",
        "savez",
        "savetxt",
    ),
    *(
        "savez_compressed",
        "savefig",
        "rename",
        "unlink",
        "rmtree",
        "rmdir",
        "touch",
        "symlink_to",
        "hardlink_to",
    ),
    *(
        "mkdir",
        "makedirs",
        "copyfile",
        "copy2",
        "copytree",
        "copyfileobj",
        "move",
        "removedirs",
        "symlink",
        "link",
    ),
    *("to_filename", "save_file", "open_memmap", "tofile", "truncate", "chmod", "mkfifo", "ftruncate"),
}
SAVES = {
    ("np", "save"),
    ("torch", "save"),
    ("nib", "save"),
    ("os", "open"),
    ("os", "remove"),
    ("os", "replace"),
}
DOORS = ("adhd_cvae/io.py", "pipelines/output_dir/ownership.py", "pipelines/output_dir/inventory.py")
PERMITTED = {
    "adhd_cvae/training/checkpoint.py": "into memory; what is written goes through atomic_path",
    "adhd_cvae/training/distributed.py": "into memory, for the other processes",
    "pipelines/benchmarks/speed/stages.py": "a temporary folder",
    "pipelines/output_dir/lock.py": "the folder itself, made for its lock, and gone again where nothing came",
    "pipelines/mlflow_tracking/store.py": "the MLflow store, which lies in no folder of results",
    "pipelines/mlflow_tracking/model_registry.py": "a temporary folder, from which MLflow takes the model",
}
"""Files and folders with writes of another kind, each with its reason."""


def writes(source: str) -> Iterator[tuple[int, str]]:
    """Line and name of each call that writes, but to a path of `atomic_path`."""
    tree = ast.parse(source)
    given = {
        item.optional_vars.id
        for node in ast.walk(tree)
        if isinstance(node, ast.With)
        for item in node.items
        if isinstance(item.context_expr, ast.Call)
        and _name(item.context_expr) == "atomic_path"
        and isinstance(item.optional_vars, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _writes(node):
            used = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
            if not used & (given | {"written_in_place"}):
                yield node.lineno, _name(node)


def _name(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _writes(call: ast.Call) -> bool:
    name, function = _name(call), call.func
    owner = (
        function.value.id
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name)
        else ""
    )
    if isinstance(function, ast.Name) and name in vars(io):  # of the first door
        return False
    if name == "rename":  # of a path; of a table it takes names
        return bool(call.args)
    if name in WRITERS or (owner, name) in SAVES:
        return True
    if name == "replace":  # of a path; of a text it takes two, of a dataclass names
        return isinstance(function, ast.Attribute) and len(call.args) == 1 and not call.keywords
    if name == "open":
        modes = [
            one.value
            for one in (*call.args, *(key.value for key in call.keywords))
            if isinstance(one, ast.Constant)
        ]
        return any(
            isinstance(mode, str) and set(mode) <= set("rwaxbt+") and set(mode) & set("wax+")
            for mode in modes
        )
    return False


FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_written_through_the_two_doors(path):
    name = path.relative_to(ROOT).as_posix()
    if name in DOORS or name.startswith(tuple(PERMITTED)):
        return
    found = [f"{name}:{line} {call}" for line, call in writes(path.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize("place", PERMITTED)
def test_every_exception_is_needed(place):
    files = [path for path in FILES if path.relative_to(ROOT).as_posix().startswith(place)]
    assert any(list(writes(path.read_text(encoding="utf-8"))) for path in files)


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('a')",
        "table.to_csv(path)",
        "np.savez(path, a=a)",
        "figure.savefig(path)",
        "path.rename(other)",
        "path.replace(other)",
        "path.unlink(missing_ok=True)",
        "shutil.rmtree(path)",
        "open(path, 'w')",
        "path.open('ab')",
        "path.open(mode='r+b')",
        "os.replace(one, other)",
        "with atomic_path(path) as temporary:\n    path.write_text('a')",
    ],
)
def test_each_way_to_write_is_seen(line):
    assert len(list(writes(line))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "text.replace('a', 'b')",
        "replace(run, overwrite=True)",
        "path.open()",
        "path.open('rb')",
        "path.open(encoding='utf-8')",
        "with atomic_path(path) as temporary:\n    temporary.write_text('a')",
    ],
)
def test_what_writes_nothing_is_not(line):
    assert list(writes(line)) == []
