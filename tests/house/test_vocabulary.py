"""One word for one thing: no identifier of the product, nor a key of its YAML, uses a word that was left behind."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from syntax import PACKAGES, read_modules

CHECKOUT = Path(__file__).parents[2]
INSTEAD = {
    "participant": "person persons people who whom whose",
    "a word for what it is": "told tell tells telling said say says saying settle settles settled settling occupied "
    "evidence record records recorded recording card cards live worlds learner learners bent",
    "sample (posteriors), permute, plot": "draw draws drawn drew drawing",
    "diagnostics, group or dx": "diagnosis diagnoses",
    "what was expected": "wrong",
}
"""Word of today to those that it replaces."""
LEFT_BEHIND = {old: new for new, words in INSTEAD.items() for old in words.split()}
PERMITTED = {
    "draws": "draws.npz and analysis.draws are names of the contract",
    "draws.npz": "a file of the contract",
    "DRAWS": "the description of draws.npz",
    "live": "--live is an option of the contract",
    "Live": "--live is an option of the contract",
    "model_card": "MLflow's term",
}


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that a module gives, with its line; those that it only uses are given elsewhere."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.arg(arg=name):
                yield name, node.lineno
            case (
                ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name))
            ):
                yield name, node.lineno


def keys(value: object) -> Iterator[str]:
    """Every key of what a YAML file says."""
    if isinstance(value, dict):
        yield from map(str, value)
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from keys(part)


def left_behind(name: str) -> list[str]:
    """The words of a name in snake_case or CamelCase that were left behind."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return [] if name in PERMITTED else [word for word in map(str.lower, words) if word in LEFT_BEHIND]


def found_in(checkout: Path) -> list[str]:
    """A line for each place: where, the name, and what to say instead."""
    places = []
    for module in read_modules(checkout):
        places += [(module.file, 0, part) for part in module.name.split(".")]
        places += [(module.file, line, name) for name, line in identifiers(module.tree)]
    for package in PACKAGES:
        for path in sorted((checkout / package).rglob("*.yaml")):
            file, text = path.relative_to(checkout).as_posix(), path.read_text(encoding="utf-8")
            places += [(file, 0, key) for key in keys(yaml.safe_load(text))]
    return [
        f"{file}:{line} {name}: instead of '{word}', {LEFT_BEHIND[word]}"
        for file, line, name in places
        for word in left_behind(name)
    ]


def test_the_product_uses_the_words_of_today():
    assert found_in(CHECKOUT) == []


def test_every_permission_is_needed(monkeypatch):
    names = list(PERMITTED)
    for name in names:
        monkeypatch.delitem(PERMITTED, name)
    assert {line.split()[1].removesuffix(":") for line in found_in(CHECKOUT)} == set(names)


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("people.py", "", 0),
        ("a.py", "\ndef tell(): ...", 2),
        ("a.py", "class TheRecord: ...", 1),
        ("a.py", "def f(*, who=1): ...", 1),
        ("a.py", "f = lambda drawn: 1", 1),
        ("a.py", "for index, (wrong, _) in enumerate(()): ...", 1),
        ("a.py", "import os as evidence", 1),
        ("a.py", "if (said := 1): ...", 1),
        ("a.py", "self.live_codes = 1", 1),
        ("a.yaml", "a: [{DIAGNOSIS_of: 1}]", 0),
    ],
)
def test_a_word_is_found_wherever_a_name_is_given(tmp_path, file, text, line):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / file).write_text(text)
    assert [found.split(" ")[0] for found in found_in(tmp_path)] == [f"pipelines/{file}:{line}"]


def test_words_that_only_look_alike_are_none(tmp_path):
    (tmp_path / "pipelines").mkdir()
    (tmp_path / "pipelines" / "a.py").write_text(
        "cardinal = delivered = withdrawn = draws = 'people'\nwho.said"
    )
    assert found_in(tmp_path) == []
