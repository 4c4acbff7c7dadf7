"""A checkout as syntax trees: its modules, functions, parameters and imports, read without running any of it."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

PACKAGES = ("adhd_cvae", "bids_adapters", "pipelines")
DUNDER = ("__init__", "__main__")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a function, ``self`` and ``cls`` left out."""

    name: str
    annotation: str
    is_positional: bool
    is_boolean: bool


@dataclass(frozen=True)
class Function:
    """One function or method, with the place where it stands."""

    name: str
    file: str
    line: int
    lines: int
    parameters: tuple[Parameter, ...]

    @property
    def place(self) -> str:
        """Where an editor finds it."""
        return f"{self.file}:{self.line} {self.name}"


@dataclass(frozen=True)
class Import:
    """One import of a module of the three packages: from where, of what, and whether it runs at import."""

    importer: str
    imported: str
    when: str
    """``import``, ``call`` (inside a function) or ``types`` (under TYPE_CHECKING)."""
    place: str


@dataclass(frozen=True)
class Module:
    """One .py file of a package."""

    name: str
    file: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The syntax tree."""
        return ast.parse(self.text, self.file)

    @property
    def lines(self) -> int:
        """Lines of the file, as ``wc`` counts them."""
        return len(self.text.splitlines())

    @property
    def package(self) -> str:
        """The first part of the name."""
        return self.name.split(".")[0]

    @property
    def stem(self) -> str:
        """The name of the file without its ending."""
        return Path(self.file).stem

    @property
    def folder(self) -> str:
        """The folder the file lies in."""
        return Path(self.file).parent.as_posix()


def read_modules(checkout: Path) -> list[Module]:
    """Every module of the three packages, in the order of their files."""
    modules = []
    for package in PACKAGES:
        for path in sorted((checkout / package).rglob("*.py")):
            file = path.relative_to(checkout)
            parts = file.with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            modules.append(Module(name, file.as_posix(), path.read_text(encoding="utf-8")))
    return modules


def room_of(name: str) -> str | None:
    """The immediate child of the package a module belongs to; None for the package's own face."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] not in DUNDER else None


def read_functions(module: Module) -> list[Function]:
    """Every function and method of a module, nested ones too; a decorator belongs to its function."""
    functions = []
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            lines = (node.end_lineno or node.lineno) - first + 1
            functions.append(Function(node.name, module.file, node.lineno, lines, _parameters(node)))
    return functions


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> tuple[Parameter, ...]:
    one = function.args
    positional = [*one.posonlyargs, *one.args]
    defaults = [None] * (len(positional) - len(one.defaults)) + list(one.defaults)
    pairs = [(argument, default, True) for argument, default in zip(positional, defaults, strict=True)]
    pairs += [(only, default, False) for only, default in zip(one.kwonlyargs, one.kw_defaults, strict=True)]
    pairs += [(star, None, False) for star in (one.vararg, one.kwarg) if star]
    if pairs and pairs[0][0].arg in ("self", "cls"):
        pairs = pairs[1:]
    return tuple(
        Parameter(argument.arg, _annotation(argument.annotation), is_positional, _is_boolean(argument, value))
        for argument, value, is_positional in pairs
    )


def _annotation(node: ast.expr | None) -> str:
    return "" if node is None else ast.unparse(node).replace("'", "").replace('"', "")


def _is_boolean(argument: ast.arg, default: ast.expr | None) -> bool:
    """Whether a parameter says so itself, or by a default of True or False (as the command line's options do)."""
    by_default = isinstance(default, ast.Constant) and isinstance(default.value, bool)
    return (
        by_default
        or re.fullmatch(r"(Optional\[)?bool(\s*\|\s*None)?\]?", _annotation(argument.annotation)) is not None
    )


def read_imports(modules: list[Module]) -> list[Import]:
    """Every import of one module of the three packages by another."""
    known = {module.name for module in modules}
    return [found for module in modules for found in _imports_of(module, known)]


def _imports_of(module: Module, known: set[str]) -> Iterator[Import]:
    for node, when in _import_nodes(module.tree, "import"):
        for target in _targets(node, module):
            imported = target if target in known else target.rpartition(".")[0]
            if imported in known and imported != module.name:
                yield Import(module.name, imported, when, f"{module.file}:{node.lineno}")


def _import_nodes(node: ast.AST, when: str) -> Iterator[tuple[ast.Import | ast.ImportFrom, str]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child, when
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for part, so in ((child.body, "types"), (child.orelse, when)):
                yield from _import_nodes(ast.Module(part, type_ignores=[]), so)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _import_nodes(child, "call" if when == "import" else when)
        else:
            yield from _import_nodes(child, when)


def _targets(node: ast.Import | ast.ImportFrom, module: Module) -> list[str]:
    """What an import names: ``from a import b`` may mean the module a.b or the b of a, so a.b is given."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    package = module.name.split(".")
    if module.stem != "__init__":
        package = package[:-1]
    above = ".".join(package[: len(package) - node.level + 1]) + "." if node.level else ""
    base = f"{above}{node.module or ''}".rstrip(".")
    return [f"{base}.{alias.name}" for alias in node.names]


def foreign_names(module: Module) -> set[str]:
    """Names a module takes from elsewhere than the three packages, such as MLflow's ``Run``."""
    return {
        alias.asname or alias.name
        for node, _ in _import_nodes(module.tree, "import")
        if isinstance(node, ast.ImportFrom)
        and not node.level
        and (node.module or "").split(".")[0] not in PACKAGES
        for alias in node.names
    }


def numeric_constants(module: Module) -> list[tuple[str, int]]:
    """Module-level names in capitals that hold a plain number, with their lines."""
    found = []
    for node in module.tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and _is_number(node.value):
            names = [one.id for one in targets if isinstance(one, ast.Name)]
            found += [(name, node.lineno) for name in names if re.fullmatch(r"_?[A-Z][A-Z0-9_]*", name)]
    return found


def _is_number(node: ast.expr) -> bool:
    """Whether an expression is a number or arithmetic of numbers."""
    if isinstance(node, ast.UnaryOp):
        return _is_number(node.operand)
    if isinstance(node, ast.BinOp):
        return _is_number(node.left) and _is_number(node.right)
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)
