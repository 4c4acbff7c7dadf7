"""What is measured of the house, from syntax trees alone, with the limits."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from syntax import (
    DUNDER,
    PACKAGES,
    Function,
    Import,
    Module,
    foreign_names,
    numeric_constants,
    read_functions,
    read_imports,
    read_modules,
    room_of,
)


@dataclass(frozen=True)
class Measure:
    """One number of the house, by package or as a whole, with its limit and its worst offenders."""

    name: str
    limit: float | None
    values: dict[str, float]
    offenders: list[str] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)
    at_least: bool = False

    @property
    def breaches(self) -> list[str]:
        """Each value beyond the limit, as a sentence."""
        wrong = {
            where: value
            for where, value in self.values.items()
            if self.limit is not None and (value < self.limit if self.at_least else value > self.limit)
        }
        return [
            f"{where}: {self.name} {value:,.5g}, limit {self.limit_cell}" for where, value in wrong.items()
        ]

    @property
    def limit_cell(self) -> str:
        """The limit as the table shows it."""
        return "" if self.limit is None else f"{'≥ ' if self.at_least else ''}{self.limit:,}"

    @property
    def cell(self) -> str:
        """The values as the table shows them."""
        shown = (f"{value:,.5g}{self.notes.get(where, '')}" for where, value in self.values.items())
        return " / ".join(shown)


def measure_house(checkout: Path) -> list[Measure]:
    """Every measure of a checkout, in the order of the table."""
    modules = read_modules(checkout)
    functions = {module: read_functions(module) for module in modules}
    everything = [one for some in functions.values() for one in some]
    lines = sum(module.lines for module in modules)
    return [
        _modules_in_a_folder(modules),
        _rooms(modules),
        _arrows(read_imports(modules)),
        _largest("lines of the longest file", 320, [(module.lines, module.file) for module in modules]),
        _largest("lines of the longest function", 60, [(one.lines, one.place) for one in everything]),
        _largest("arguments of a function", 8, [(len(one.parameters), one.place) for one in everything]),
        _few_arguments(everything),
        _counted("booleans that may be given by position", 0, _positional_booleans(everything)),
        _counted("functions that take a recipe", 24, _takers(functions, _takes_recipe)),
        _counted("functions that take OUTPUT_DIR", 24, _takers(functions, _takes_output_dir)),
        _counted("functions that take a Run (of both)", None, _takers(functions, _takes_run)),
        _counted("functions of the command line with such an option", None, _takers(functions, _is_verb)),
        # 21,000 when the house was put in order; the rest is what came since: whose folder it is, stores, privacy,
        # folds, covariates, head sizes, harmonisation, borrowed background, datasets that lend it, estimators, `init`.
        Measure("lines of the product", 39_240, {"all": lines}),
        _counted("numbers of modules outside config and names, for review", None, _constants(modules)),
    ]


def _by_package(values: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Values given to each package, summed; 0 where a package has none."""
    counter = Counter(dict.fromkeys(PACKAGES, 0.0))
    for package, value in values:
        counter[package] += value
    return dict(counter)


def _largest(name: str, limit: float, sizes: list[tuple[int, str]]) -> Measure:
    """The largest size in each package; a place begins with its package."""
    largest = {
        package: max((size for size, place in sizes if place.startswith(f"{package}/")), default=0)
        for package in PACKAGES
    }
    ordered = sorted(sizes, key=lambda pair: (-pair[0], pair[1]))
    return Measure(name, limit, largest, [f"{size:4d}  {place}" for size, place in ordered])


def _counted(name: str, limit: float | None, places: list[str]) -> Measure:
    return Measure(name, limit, {"all": len(places)}, places)


def _modules_in_a_folder(modules: list[Module]) -> Measure:
    counter = Counter(f"{module.folder}/" for module in modules if module.stem not in DUNDER)
    return _largest("modules in a folder", 18, [(count, folder) for folder, count in counter.items()])


def _rooms(modules: list[Module]) -> Measure:
    rooms = sorted({(module.package, room_of(module.name)) for module in modules if room_of(module.name)})
    sizes = Counter((module.package, room_of(module.name)) for module in modules)
    listed = [f"{sizes[room]:4d} modules  {'.'.join(room)}" for room in sorted(rooms, key=sizes.__getitem__)]
    return Measure("rooms", 15, _by_package((package, 1) for package, _ in rooms), listed)


def _arrows(imports: list[Import]) -> Measure:
    """Arrows between rooms; offenders are those drawn by the fewest imports, which are the cheapest to remove."""
    arrows: dict[tuple[str, str, str], list[Import]] = {}
    for one in imports:
        package, start, end = one.importer.split(".")[0], room_of(one.importer), room_of(one.imported)
        if start and end and start != end and one.imported.startswith(f"{package}."):
            arrows.setdefault((package, start, end), []).append(one)
    notes = {}
    for package in PACKAGES:
        kinds = [{one.when for one in found} for arrow, found in arrows.items() if arrow[0] == package]
        types = kinds.count({"types"})
        calls = sum("import" not in kind for kind in kinds) - types
        if calls or types:
            notes[package] = f" ({calls} only in calls, {types} only for types)"
    ordered = sorted(arrows.items(), key=lambda pair: (len(pair[1]), pair[0]))
    listed = [
        f"{len(found):4d}  {package}: {start} → {end}  ({found[0].place}, {found[0].when})"
        for (package, start, end), found in ordered
    ]
    counts = _by_package((package, 1) for package, _, _ in arrows)
    return Measure("arrows between rooms", 45, counts, listed, notes)


def _few_arguments(functions: list[Function]) -> Measure:
    shares = {}
    for package in PACKAGES:
        few = [len(one.parameters) <= 4 for one in functions if one.file.startswith(f"{package}/")]
        shares[package] = round(100 * sum(few) / len(few), 1) if few else 100.0
    name = "functions with four arguments or fewer, %"
    many = sorted((one for one in functions if len(one.parameters) > 4), key=lambda one: -len(one.parameters))
    return Measure(
        name, 90, shares, [f"{len(one.parameters):4d}  {one.place}" for one in many], at_least=True
    )


def _positional_booleans(functions: list[Function]) -> list[str]:
    return [
        f"{one.place}({parameter.name})"
        for one in functions
        for parameter in one.parameters
        if parameter.is_positional and parameter.is_boolean
    ]


def _takers(functions: dict[Module, list[Function]], takes: Callable[[str, str], bool]) -> list[str]:
    """Functions with a parameter that a rule on its name and annotation accepts; foreign namesakes are no match."""
    found = []
    for module, own in functions.items():
        foreign = foreign_names(module) & {"Recipe", "OutputPaths", "Run"}
        for function in own:
            pairs = [(one.name, one.annotation) for one in function.parameters]
            if any(takes(name, said) for name, said in pairs if not foreign & set(re.findall(r"\w+", said))):
                found.append(function.place)
    return found


def _is_option(annotation: str) -> bool:
    """Whether an annotation is one of the command line's: its verbs name a recipe and a folder, and hold neither."""
    return re.search(r"\b(RecipeName|OutputDir)\b|\btyper\.", annotation) is not None


def _is_verb(name: str, annotation: str) -> bool:
    return name in ("recipe", "output_dir") and _is_option(annotation)


def _takes_recipe(name: str, annotation: str) -> bool:
    return re.search(r"\bRecipe\b", annotation) is not None or (
        name == "recipe" and not _is_option(annotation)
    )


def _takes_output_dir(name: str, annotation: str) -> bool:
    """Whether a parameter is OUTPUT_DIR: the class, or a path of that name (paths of several files are none)."""
    named = name in ("paths", "output_dir") and not _is_option(annotation) and "[Path]" not in annotation
    return re.search(r"\bOutputPaths\b", annotation) is not None or named


def _takes_run(name: str, annotation: str) -> bool:
    """Whether a parameter is a Run. It holds recipe and OUTPUT_DIR, but is the one argument of a stage: not both."""
    return re.search(r"\bRun\b", annotation) is not None


def _constants(modules: list[Module]) -> list[str]:
    return [
        f"{module.file}:{line} {name}"
        for module in modules
        if room_of(module.name) not in ("config", "names")
        for name, line in numeric_constants(module)
    ]
