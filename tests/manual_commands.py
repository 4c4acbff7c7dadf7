"""Commands, names and code of the manual against what is there: parsed, imported or looked up, never run."""

import ast
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import typer
import yaml

from adhd_cvae.errors import InputError
from pipelines.cli.bids_app import in_our_words
from pipelines.cli.main import app
from pipelines.recipes.loader import flatten, known_keys, load_recipe, shipped_recipes
from tests.manual_pages import ROOMS, Page

ROOT = Path(__file__).parents[1]
OTHERS = (
    "apptainer",
    "cd",
    "chmod",
    "curl",
    "dask",
    "docker",
    "echo",
    "export",
    "git",
    "pip",
    "source",
    "sudo",
)
"""Commands that are not ours and whose words nobody reads here."""
ENDINGS = (".tsv", ".json", ".npz", ".pt")
"""Of files, which look like settings: `cohort.tsv` is none of `cohort`."""


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
    said = misread(
        "adhd-cvae",
        in_our_words([re.sub(r"^[A-Z]$", "1", word) for word in kept], _command("adhd-cvae").commands),
    )
    pairs = list(pairwise(kept))
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
    """Read a call of `python -m`; a module of others only has to be there, and is not imported."""
    top, *below = module.split(".")
    spec = find_spec(top)
    places = [Path(place, *below) for place in (spec and spec.submodule_search_locations) or ()]
    if not any(place.is_dir() or place.with_suffix(".py").is_file() for place in places):
        return f"there is no module {module}"
    if top not in (*ROOMS, "tests"):
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
        case ["python" | ".venv/bin/python", "-m", module, *rest]:
            return of_module(module, rest)
        case ["python" | ".venv/bin/python", _, *_]:
            return of_script(words[1:])
        case ["srun", "torchrun", *rest] | ["torchrun", *rest]:
            return of_torchrun(rest)
        case ["srun", "dask", *_]:
            return None
        case [("pip" | "source") as name, *rest]:
            extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
            named = re.findall(r"\.\[(\w+)\]", " ".join(rest)) if name == "pip" else []
            return next((f"there is no extra {extra}" for extra in named if extra not in extras), None)
    return None if words[0] in OTHERS else f"{words[0]} is not known here"


def refused_commands(page: Page) -> list[str]:
    """Commands of a page that would not run, with the reason; inside a line a verb may stand alone."""
    called = [*page.commands, *(words for words in page.mentions if not _is_verb(words))]
    return [f"{' '.join(words)}: {why}" for words in called if (why := refusal(words)) is not None]


def _is_verb(words: list[str]) -> bool:
    command = _command("adhd-cvae")
    for word in words[1:]:
        command = getattr(command, "commands", {}).get(word)
    return words[0] == "adhd-cvae" and command is not None


def wrong_settings(page: Page) -> list[str]:
    """Settings that the page's table lacks, has twice or doesn't know, and defaults that aren't the recipe's.

    A default that is a link stands in the file it leads to.
    """
    rows = [row for table in page.tables if table[0][0] == "setting" for row in table[1:]]
    named = [row[0].strip("`") for row in rows]
    defaults = flatten(load_recipe("adhd200").model_dump(mode="json"))
    amiss = [f"{key} stands {named.count(key)} times" for key in known_keys() if named.count(key) != 1]
    amiss += [f"{key} is no setting" for key in named if key not in defaults]
    return amiss + [
        f"{key} is {defaults[key]}, not {shown}"
        for key, (_, shown, *_) in zip(named, rows, strict=True)
        if key in defaults and "](" not in shown and yaml.safe_load(shown) != defaults[key]
    ]


def unknown_names(page: Page) -> list[str]:
    """Modules, names, files, tests, settings and recipes that a page names and that are not there."""
    unknown = [f"{span}: {why}" for span in page.spans if (why := _unknown(span)) is not None]
    named = re.findall(r"`([\w-]+)`", " ".join(page.column("recipe")))
    return unknown + ([f"recipes: {named}"] if named and sorted(named) != shipped_recipes() else [])


def _unknown(span: str) -> str | None:
    """Why what code inside a line names is not there; None where it is, or where it names nothing of ours."""
    packages, sections = "|".join(ROOMS), "|".join({key.partition(".")[0] for key in known_keys()})
    if re.fullmatch(rf"(?:{packages}|tests)(?:\.\w+)+(?:\(.*\))?", span):
        return None if _resolves(span.partition("(")[0]) else "there is no such name"
    if re.fullmatch(rf"(?:{packages}|tests|mlflow)/[\w./*-]*", span):
        return None if list(ROOT.glob(span.rstrip("/"))) else "there is no such file"
    if re.fullmatch(r"test_\w+\.py", span):
        return None if list((ROOT / "tests").rglob(span)) else "there is no such test"
    if span.startswith("--set "):
        return next(filter(None, map(unset, shlex.split(span)[1::2])), None)
    if re.fullmatch(rf"(?:{sections})\.\w+(?:=.*)?", span) and not span.endswith(ENDINGS):
        return unset(span)
    return None


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


def wrong_verbs_and_options(page: Page) -> list[str]:
    """Verbs and long options that the command line has and the tables leave out, or the other way round."""
    verbs, options, waiting = set(), {"--help"}, [("", _command("adhd-cvae"))]
    while waiting:
        name, command = waiting.pop()
        options |= {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
        below = getattr(command, "commands", {})
        waiting += [(f"{name} {verb}".strip(), found) for verb, found in below.items()]
        verbs |= set() if below else {name}
    calls = [call for cell in page.column("verb") for call in re.findall(r"`([^`]+)`", cell)]
    named = {verb for call in calls for verb in verbs if f"{call} ".startswith(f"{verb} ")}
    unread = {call for call in calls if ours(call.split()) is not None}
    listed = {option for cell in page.column("option") for option in re.findall(r"--[a-z-]+", cell)}
    return sorted((verbs ^ named) | unread | ({option for option in options if option[:2] == "--"} ^ listed))
