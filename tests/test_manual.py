"""The manual is true: links lead somewhere, commands are understood, names exist, and nothing is said twice."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import typer

from adhd_cvae.errors import InputError
from pipelines.cli.main import app, spread_labels
from pipelines.recipes.loader import known_keys, load_recipe, shipped_recipes
from tests.manual_pages import Page, all_pages, sentences

ROOT = Path(__file__).parents[1]
ROOMS = ("adhd_cvae", "bids_adapters", "pipelines")
PAGES = all_pages(ROOT)
OTHERS = frozenset("cd chmod curl docker echo export pip source sudo".split())
"""Commands that are not ours and whose words nobody reads here."""
LONG = 80
"""Characters from which a sentence is found to be said twice."""
LINES, WIDTH = 150, 120
"""Of the front page."""


def broken_links(page: Page, root: Path) -> list[str]:
    """Relative links that lead to no file, out of the repository, or to no heading."""
    broken = []
    for link in page.links:
        place, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            continue
        target = (page.path.parent / place).resolve() if place else page.path.resolve()
        if not target.exists() or not target.is_relative_to(root.resolve()):
            broken.append(f"{link}: there is no such file")
        elif anchor and (target.suffix != ".md" or anchor not in Page.read(target).anchors):
            broken.append(f"{link}: there is no such heading")
    return broken


@cache
def _command(name: str) -> Any:
    """Give the parser of a command: ours, MLflow's, or that of a module with a `main`."""
    if name == "adhd-cvae":
        return typer.main.get_command(app)
    if name == "mlflow":
        return import_module("mlflow.cli").cli
    own = typer.Typer(add_completion=False)
    own.command()(import_module(name).main)
    return typer.main.get_command(own)


def misread(name: str, words: Iterable[str]) -> str | None:
    """What a command line says of these words, parsed and not run; None where it understands them."""
    command, rest, context = _command(name), list(words), None
    try:
        while True:
            context = command.make_context(command.name or name, rest, parent=context)
            rest = [*getattr(context, "_protected_args", []), *context.args]
            if not hasattr(command, "commands"):
                return f"{rest} is too much" if rest else None
            if rest[0] not in command.commands:
                return f"{rest[0]} is no verb"
            command, rest = command.commands[rest[0]], rest[1:]
    except Exception as error:  # of click, and of typer, which has a click of its own
        told = getattr(error, "format_message", lambda: repr(error))()
        return None if getattr(error, "exit_code", 1) == 0 else told


def ours(words: list[str]) -> str | None:
    """Read words that follow `adhd-cvae`, with values in place of what stands for them."""
    kept = [re.sub(r"^\[([A-Z_]+)\]$", r"\1", word) for word in words if word not in ("…", "--debug")]
    said = misread("adhd-cvae", spread_labels([re.sub(r"^[A-Z]$", "1", word) for word in kept]))
    pairs = list(zip(kept, kept[1:], strict=False))
    unknown = [value for option, value in pairs if option == "--recipe" and not _is_recipe(value)]
    unfit = [unset(value) for option, value in pairs if option == "--set"]
    return said or next((f"{name} is no recipe" for name in unknown), None) or next(filter(None, unfit), None)


def _is_recipe(name: str) -> bool:
    return name in shipped_recipes() or name.endswith(".yaml") or name.isupper() or "|" in name


def unset(change: str) -> str | None:
    """Why a change of one setting is refused; an ellipsis stands for a value, upper case for everything."""
    key, _, value = change.partition("=")
    if key.isupper() or value in ("", "…"):
        return None if key.isupper() or key in known_keys() else f"{key} is no setting"
    try:
        load_recipe("adhd200", (change,))
    except InputError as error:
        return str(error)
    return None


@cache
def _answers(module: str) -> str | None:
    """Start a module of ours as `python -m` does; None where it tells its options."""
    command = [sys.executable, "-m", module, "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return None if done.returncode == 0 else f"python -m {module}: {done.stderr.strip().splitlines()[-1]}"


def of_module(module: str, words: list[str]) -> str | None:
    """Read a call of `python -m`."""
    try:
        if find_spec(module) is None:
            return f"there is no module {module}"
    except ModuleNotFoundError:
        return f"there is no module {module}"
    if module.partition(".")[0] not in (*ROOMS, "tests"):
        return None
    if (said := _answers(module)) is not None:
        return said
    return ours(words) if module in ("adhd_cvae", "pipelines.cli.main") else misread(module, words)


def of_make(words: list[str], root: Path = ROOT) -> str | None:
    """Ask make, which runs nothing, whether it knows the target; a variable has to be one the Makefile uses."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    command = ["make", "--dry-run", *words]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip()
    content = (root / "Makefile").read_text(encoding="utf-8")
    names = [word.partition("=")[0] for word in words if "=" in word]
    return next((f"the Makefile uses no {name}" for name in names if f"$({name})" not in content), None)


def of_torchrun(words: list[str]) -> str | None:
    """Read a call of torchrun, by its own parser, and the module it starts."""
    from torch.distributed.run import get_args_parser

    try:
        known = get_args_parser().parse_args(words)
    except SystemExit:
        return "torchrun does not understand it"
    return of_module(known.training_script, known.training_script_args) if known.module else None


def of_script(words: list[str]) -> str | None:
    """A Python file has to exist and to know the options it is given."""
    if not (ROOT / words[0]).is_file():
        return f"there is no file {words[0]}"
    content = (ROOT / words[0]).read_text(encoding="utf-8")
    return next((f"{words[0]} knows no {w}" for w in words if w.startswith("--") and w not in content), None)


def refusal(words: list[str]) -> str | None:
    """Why a command of the manual would not run; None where it would."""
    match words:
        case ["adhd-cvae", *rest]:
            return ours(rest)
        case ["make", *rest]:
            return of_make(rest)
        case ["mlflow", *rest]:
            return misread("mlflow", rest)
        case ["python", "-m", module, *rest]:
            return of_module(module, rest)
        case ["python", _, *_]:
            return of_script(words[1:])
        case ["srun", "torchrun", *rest] | ["torchrun", *rest]:
            return of_torchrun(rest)
        case [("pip" | "source") as name, *rest]:
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
            named = re.findall(r"\.\[(\w+)\]", " ".join(rest)) if name == "pip" else []
            return next((f"there is no extra {extra}" for extra in named if extra not in extras), None)
    return None if words[0] in OTHERS else f"{words[0]} is not known here"


def refused_commands(page: Page) -> list[str]:
    """Commands of a page that would not run, with the reason."""
    return [f"{' '.join(words)}: {why}" for words in page.commands if (why := refusal(words)) is not None]


def unknown_names(page: Page) -> list[str]:
    """Modules, names, files, tests, settings and recipes that a page names and that are not there."""
    sections = {key.partition(".")[0] for key in known_keys() if "." in key}
    unknown = []
    for span in page.spans:
        if re.fullmatch(rf"(?:{'|'.join(ROOMS)}|tests)(?:\.\w+)+(?:\(.*\))?", span):
            unknown += [] if _resolves(span.partition("(")[0]) else [span]
        elif re.fullmatch(rf"(?:{'|'.join(ROOMS)}|tests|mlflow)/[\w./*-]*", span):
            unknown += [] if list(ROOT.glob(span.rstrip("/"))) else [span]
        elif re.fullmatch(r"test_\w+\.py", span):
            unknown += [] if list((ROOT / "tests").rglob(span)) else [span]
        elif found := re.fullmatch(rf"(?:--set '?)?((?:{'|'.join(sections)})\.\w+(?:=[^']*)?)'?", span):
            unknown += [f"{span}: {why}"] if (why := unset(found[1])) else []
        elif found := re.fullmatch(r"(?:--set )(.+)", span):
            unknown += [f"{span}: {why}" for change in re.split(r" --set ", found[1]) if (why := unset(change))]
    named = [span for table in page.column("recipe") for span in re.findall(r"`([\w-]+)`", table)]
    return unknown + ([f"recipes: {named}"] if named and sorted(named) != shipped_recipes() else [])


def _resolves(dotted: str) -> bool:
    """Whether a dotted name is a module, or leads from one."""
    name, rest = dotted, []
    while name:
        try:
            found: Any = import_module(name)
        except ModuleNotFoundError:
            name, _, last = name.rpartition(".")
            rest.insert(0, last)
            continue
        for part in rest:
            found = getattr(found, part, None)
        return found is not None
    return False


def wrong_code(page: Page, folder: Path) -> list[str]:
    """Python that does not compile or imports what is not there; recipes that are refused."""
    wrong = []
    inside = [span.replace("; ", "\n") for span in page.spans if re.match(r"from \w+(\.\w+)* import ", span)]
    for code in [block.text for block in page.blocks if block.language == "python"] + inside:
        try:
            tree = ast.parse(code)
        except SyntaxError as error:
            wrong.append(f"{error.text}: {error.msg}")
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                lacking = [name.name for name in node.names if not _resolves(f"{node.module}.{name.name}")]
                wrong += [f"{node.module} has no {name}" for name in lacking]
    for block in page.blocks:
        if block.language == "yaml" and block.text.startswith("base:"):
            (folder / "recipe.yaml").write_text(block.text, encoding="utf-8")
            try:
                load_recipe(str(folder / "recipe.yaml"))
            except InputError as error:
                wrong.append(str(error))
    return wrong


def wrong_module_table(page: Page) -> list[str]:
    """Modules that a room's table leaves out, or names without having them."""
    named = {name for cell in page.column("module") for name in re.findall(r"`(\w+)/?`", cell)}
    folder = page.path.parent
    here = {path.stem for path in folder.glob("*.py")} - {"__init__", "__main__"}
    here |= {path.parent.name for path in folder.glob("*/__init__.py")}
    return sorted(named ^ here) if named else []


def verbs_and_options() -> tuple[set[str], set[str]]:
    """Every verb of the command line, and every long option of any."""
    verbs, options, waiting = set(), {"--help"}, [("", _command("adhd-cvae"))]
    while waiting:
        name, command = waiting.pop()
        options |= {opt for param in command.params for opt in (*param.opts, *param.secondary_opts)}
        below = getattr(command, "commands", {})
        waiting += [(f"{name} {verb}".strip(), one) for verb, one in below.items()]
        verbs |= set() if below else {name}
    return verbs, {option for option in options if option.startswith("--")}


def said_twice(pages: Iterable[Page]) -> list[str]:
    """Long sentences that stand in more than one place."""
    places = defaultdict(list)
    for page in pages:
        for sentence in sentences(page):
            if len(sentence) > LONG:
                places[sentence].append(str(page.path))
    return [f"{sentence} ({', '.join(where)})" for sentence, where in places.items() if len(where) > 1]


def too_long(page: Page) -> list[str]:
    """What of a page is longer than the front page may be."""
    lines = page.text.splitlines()
    wide = [f"line {number} has {len(line)}" for number, line in enumerate(lines, 1) if len(line) > WIDTH]
    return [*wide, *([f"{len(lines)} lines"] if len(lines) > LINES else [])]


def rooms_without_page(root: Path) -> list[str]:
    """Folders of the packages that have modules and no README."""
    folders = {path.parent for room in ROOMS for path in (root / room).rglob("*.py")}
    return sorted(str(folder.relative_to(root)) for folder in folders if not (folder / "README.md").is_file())
