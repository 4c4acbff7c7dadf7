"""The manual is true: links lead somewhere, commands are understood, names exist, and nothing is said twice."""

import re
from pathlib import Path

import pytest

from tests import manual_commands as commands
from tests import manual_pages as pages
from tests.manual_pages import Page

ROOT = Path(__file__).parents[1]
ALL = {str(path.relative_to(ROOT)): path for path in pages.all_pages(ROOT)}
MANUAL = {name: path for name, path in ALL.items() if path.name == "README.md"}
every_page = pytest.mark.parametrize("path", ALL.values(), ids=ALL)
every_readme = pytest.mark.parametrize("path", MANUAL.values(), ids=MANUAL)


@pytest.fixture
def page(tmp_path):
    """Write a made-up page."""

    def write(text: str, name: str = "README.md") -> Page:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return Page.read(tmp_path / name)

    return write


@every_page
def test_links_lead_somewhere(path):
    assert pages.broken_links(Page.read(path), ROOT) == []


@every_readme
def test_commands_are_understood(path):
    assert commands.refused_commands(Page.read(path)) == []


@every_readme
def test_what_is_named_is_there(path):
    assert commands.unknown_names(Page.read(path)) == []


@every_readme
def test_code_compiles_and_imports_what_is_there(path, tmp_path):
    assert commands.wrong_code(Page.read(path), tmp_path) == []


@every_readme
def test_tables_of_modules_are_complete(path):
    assert pages.wrong_module_table(Page.read(path)) == []


def test_tables_of_verbs_and_options_are_complete():
    assert commands.wrong_verbs_and_options(Page.read(ROOT / "pipelines" / "README.md")) == []


def test_the_table_of_settings_is_complete_and_has_the_defaults():
    assert commands.wrong_settings(Page.read(ROOT / "pipelines" / "README.md")) == []


def test_the_front_page_is_short():
    assert pages.too_long(Page.read(ROOT / "README.md")) == []


def test_the_report_has_the_parts_that_the_front_page_names():
    guide = (
        (ROOT / "README.md")
        .read_text(encoding="utf-8")
        .split("## How to read the report")[1]
        .split("\n## ")[0]
    )
    endings = {".py", ".j2", ".yaml"}
    report = [path for path in (ROOT / "pipelines" / "report").rglob("*") if path.suffix in endings]
    shown = "".join(path.read_text(encoding="utf-8") for path in report)
    named = re.findall(r"\*\*(.+?)\*\*", guide)
    assert len(named) > 8
    assert [title for title in named if title not in shown] == []


def test_every_room_has_a_page():
    assert pages.rooms_without_page(ROOT) == []


def test_nothing_is_said_twice():
    assert pages.said_twice([Page.read(path) for path in MANUAL.values()]) == []


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("What it cannot tell", "what-it-cannot-tell"),
        ("Training beside the study's network", "training-beside-the-studys-network"),
        ("`rsa.tsv`, [explained](x.md)", "rsatsv-explained"),
        ("Größe: 5 %_a", "größe-5-_a"),
    ],
)
def test_anchors_are_githubs(page, heading, anchor):
    assert page(f"# {heading}\n\n## {heading}\n").anchors == {anchor, f"{anchor}-1"}


def test_broken_links_are_found(page, tmp_path):
    page("# There", "other.md")
    text = "[a](other.md#there) [b](https://example.org) [c](#title) `[d](code.md)` ![e](gone.png)"
    found = page(f"# Title\n{text} [f\ng](other.md#away) [h](../..)\n```sh\n[i](fence.md)\n```\n")
    assert pages.broken_links(found, tmp_path) == [
        "gone.png: there is no such file",
        "other.md#away: there is no such heading",
        "../..: there is no such file",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "adhd-cvae train",
        "adhd-cvae train OUT --epochs 3",
        "adhd-cvae traim OUT",
        "adhd-cvae run BIDS OUT grupp",
        "adhd-cvae run BIDS OUT group --recipe smok",
        "adhd-cvae run BIDS OUT group --set model.saliant=4",
        "adhd-cvae run BIDS OUT group --set training.epochs=many",
        "make tast",
        "make demo FOLDER=x",
        "mlflow modles serve -m x",
        "python -m tests.robustness.nothing OUT",
        "python -m tests.robustness.kills OUT --kill 3",
        "python nothing.py",
        "torchrun --standalone -m pipelines.cli.main trian OUT",
        "torchrun --standaline -m pipelines.cli.main train OUT",
        "pip install '.[dusk]'",
        "rm -rf OUT",
    ],
)
def test_wrong_commands_are_found(page, line, capsys):
    assert len(commands.refused_commands(page(f"```sh\ncd OUT && {line}  # a comment\n```\n"))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "adhd-cvae --version",
        "adhd-cvae prepare BIDS OUT --participant-label 01 02 --debug",
        "adhd-cvae run BIDS OUT group --set 'cohort.target=[ADHD]' \\\n    --seeds N",
        "$ adhd-cvae demo [OUTPUT_DIR]",
        "FIRST=$(hostname | head)",
    ],
)
def test_right_commands_are_understood(page, line, capsys):
    assert commands.refused_commands(page(f"```console\n{line}\n```\n")) == []


def test_commands_inside_lines_are_read(page):
    found = page("`adhd-cvae` is a name, `adhd-cvae trian\nOUT` a command, ``make `x` `` too.")
    assert found.mentions == [["adhd-cvae", "trian", "OUT"], ["make", "`x`"]]
    assert len(commands.refused_commands(found)) == 2
    assert commands.refused_commands(page("`adhd-cvae train`, `adhd-cvae benchmark speed`")) == []


@pytest.mark.parametrize(
    "span",
    [
        "adhd_cvae.models.nothing",
        "pipelines.recipes.loader.load_resipe()",
        "adhd_cvae/nothing.py",
        "test_nothing_like_it.py",
        "objective.bata",
        "--set objective.bata=…",
        "--set cohort.site=null --set training.epochs=many",
    ],
)
def test_unknown_names_are_found(page, span):
    assert len(commands.unknown_names(page(f"See `{span}` and `rsa.tsv`."))) == 1


def test_a_recipe_that_is_not_listed_is_found(page):
    assert commands.unknown_names(page("| recipe | for |\n|---|---|\n| `demo` | x |\n")) == [
        "recipes: ['demo']"
    ]


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "from adhd_cvae import trein"),
        ("python", "from adhd_cvae.nothing import train"),
        ("python", "train("),
        ("yaml", "base: demo\nmodel: {saliant: 3}"),
    ],
)
def test_wrong_code_is_found(page, tmp_path, language, code):
    assert len(commands.wrong_code(page(f"```{language}\n{code}\n```\n"), tmp_path)) == 1


def test_modules_missing_from_a_table_are_found(page, tmp_path):
    (tmp_path / "new.py").touch()
    (tmp_path / "known.py").touch()
    found = page("| module | does |\n|---|---|\n| `known` | x |\n| `gone` | `y` |\n")
    assert pages.wrong_module_table(found) == ["gone", "new"]


def test_verbs_and_options_missing_from_tables_are_found(page):
    text = (ROOT / "pipelines" / "README.md").read_text(encoding="utf-8")
    wrong = text.replace("| `train OUTPUT_DIR` |", "| `trian OUTPUT_DIR` |").replace(
        "`--port N`", "`--part N`"
    )
    assert commands.wrong_verbs_and_options(page(wrong)) == ["--part", "--port", "train", "trian OUTPUT_DIR"]


def test_settings_missing_from_the_table_and_wrong_defaults_are_found(page):
    text = (ROOT / "pipelines" / "README.md").read_text(encoding="utf-8")
    row = next(line for line in text.splitlines() if line.startswith("| `image.fwhm` |"))
    assert commands.wrong_settings(page(text.replace("| `image.fwhm` |", "| `image.fwhn` |"))) == [
        "image.fwhm stands 0 times",
        "image.fwhn is no setting",
    ]
    assert commands.wrong_settings(page(text.replace(row, f"{row}\n{row}"))) == ["image.fwhm stands 2 times"]
    assert commands.wrong_settings(page(text.replace("| `image.fwhm` | 10 |", "| `image.fwhm` | 8 |"))) == [
        "image.fwhm is 10.0, not 8"
    ]


def test_a_long_front_page_is_found(page):
    assert pages.too_long(page("x\n" * 150)) == []
    assert pages.too_long(page("x\n" * 150 + "x" * 121)) == ["line 151 has 121", "151 lines"]


def test_a_room_without_a_page_is_found(tmp_path):
    for room in ("cohort", "images"):
        (tmp_path / "adhd_cvae" / room).mkdir(parents=True)
        (tmp_path / "adhd_cvae" / room / "__init__.py").touch()
    (tmp_path / "adhd_cvae" / "cohort" / "README.md").touch()
    assert pages.rooms_without_page(tmp_path) == ["adhd_cvae/images"]


def test_what_is_said_twice_is_found(page):
    long = "A sentence that is long enough to be found wherever it stands for a second time, whatever stands around it."
    pair = [page(f"Before. {long}\n", "one.md"), page(f"- **{long}**\n  {long}\n  After.\n", "two.md")]
    assert [found.startswith(long) for found in pages.said_twice(pair)] == [True]
    assert pages.said_twice([page(f"```sh\n{long}\n```\nShort.\n"), page("Short.\n", "three.md")]) == []
