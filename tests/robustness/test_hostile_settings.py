"""Recipes, filters and records made to mislead: one clear line each, soon, and no file outside OUTPUT_DIR."""

import os
import shutil
import time

import pytest

from adhd_cvae.errors import InputError
from bids_adapters.derivatives import read_description
from bids_adapters.images.filter import read_filter_file
from pipelines.cli import main
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.provenance import Provenance
from pipelines.recipes.loader import load_recipe

SECONDS = 5.0
"""Of processor: what misleads would take minutes, and a busy machine is no fault."""
LAUGHS = "a0: &a0 [ha, ha]\n" + "".join(
    f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]\n" for number in range(1, 10)
)
"""Ten lines that stand for a thousand million values."""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LAUGHS, "write the value out instead of"),
        ("seed: &a 1\nname: *a\n", "write the value out instead of"),
        ("model: &m {salient: *m}\n", "write the value out instead of"),
        ("!!python/object/apply:os.system ['touch owned']", "not plain YAML"),
        ("model: !!python/name:os.system\n", "not plain YAML"),
        ("model: " + "[" * 600, "nested too deeply"),
        ("model: " + "{a: " * 600, "nested too deeply"),
        ("seed: 2020-13-45\n", "not plain YAML"),
        ("name: " + "x" * 10 * 2**20, "larger than 64 KiB"),
        ("seed: " + "9" * 10_000, "not plain YAML"),
        ("seed: 1\0", "not plain YAML"),
        ("model: {salient: " + "x" * 60_000 + "}", "expected a valid integer"),
    ],
    ids=range(12),
)
def test_a_recipe_made_to_mislead_is_one_short_line_soon(tmp_path, monkeypatch, text, says):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "recipe.yaml"
    file.write_text(text, encoding="utf-8")
    started = time.process_time()
    with pytest.raises(InputError, match=says) as refused:
        load_recipe(str(file))
    assert time.process_time() - started < SECONDS
    assert len(str(refused.value)) < 600
    assert not (tmp_path / "owned").exists()


@pytest.mark.parametrize("value", ["!!python/object/apply:os.system ['true']", "[" * 600, "[&a 1, *a]"])
def test_an_override_is_plain_too(value):
    with pytest.raises(InputError, match="is not a YAML value"):
        load_recipe("demo", (f"seed={value}",))


@pytest.mark.parametrize("content", ["[" * 100_000, '{"gm":' * 100_000, '"gm"', "\0", ""])
def test_a_filter_file_made_to_mislead_is_one_line(tmp_path, content):
    file = tmp_path / "filter.json"
    file.write_text(content)
    with pytest.raises(InputError, match=r"filter\.json") as refused:
        read_filter_file(file)
    assert "\n" not in str(refused.value)
    file.write_text("")
    os.truncate(file, 2**40)
    with pytest.raises(InputError, match="larger than"):
        read_filter_file(file)


def test_no_pipe_or_device_is_waited_for_as_a_setting(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "endless.json").symlink_to("/dev/zero")
    (tmp_path / "random.json").symlink_to("/dev/urandom")
    (tmp_path / "folder.json").mkdir()
    for path in tmp_path.iterdir():
        with pytest.raises(InputError, match="is not a regular file"):
            read_filter_file(path)
        with pytest.raises(InputError, match="neither a file nor"):
            load_recipe(str(path))


@pytest.mark.parametrize(
    "content", ["[" * 100_000, "[]", "3", '{"stages": 3}', '{"stages": {"train": 3}}', "\0"]
)
def test_a_record_made_to_mislead_is_one_line(tmp_path, content):
    paths = OutputPaths(tmp_path)
    paths.provenance.write_text(content)
    with pytest.raises(InputError, match=r"run\.json.*Move it away") as refused:
        Provenance.open(paths)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("content", ["[" * 100_000, "[]", "\0", '{"Name": [[]]}'])
def test_a_description_made_to_mislead_says_nothing(tmp_path, content):
    (tmp_path / "dataset_description.json").write_text(content)
    assert isinstance(read_description(tmp_path), dict)


ESCAPE = "../../escaped"


@pytest.mark.slow
def test_names_of_a_recipe_make_no_file_outside(demo, tmp_path):
    """The analysis repeated with every name that a recipe may choose leading out of OUTPUT_DIR."""
    inside = OutputPaths(tmp_path / "a" / "b" / "out")
    shutil.copytree(demo.paths.folder, inside.folder)
    names = [
        f"name={ESCAPE}",
        f"analysis.variables=[{{name: '{ESCAPE}', scale: ratio}}, {{name: age, scale: ratio}}]",
        f"analysis.claims=[{{space: salient, name: '{ESCAPE}', columns: [age]}}]",
        "analysis.permutations=9",
        "analysis.bootstraps=5",
    ]
    options = [part for name in names for part in ("--set", name)]
    with pytest.raises(SystemExit) as ended:
        main.main(["analyse", str(inside.folder), "--recipe", "smoke", "--overwrite", *options])
    assert ended.value.code == 0
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if not path.is_relative_to(inside.folder)] == []
    battery = f"analysis.batteries={{'{ESCAPE}': [age, sex]}}"
    with pytest.raises(SystemExit) as ended:
        main.main(["analyse", str(inside.folder), "--overwrite", "--set", battery])
    assert ended.value.code == 1
