"""What every section is made of."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from matplotlib.figure import Figure

from pipelines.output_dir.results import Results
from pipelines.report import cautions, sections, summary
from pipelines.report.section import (
    Picture,
    Section,
    TableWords,
    from_table,
    holds,
    plot_variables,
    read_section,
    result_table,
    sentences_of,
)
from pipelines.report.sections import SECTIONS
from tests.pipelines.whole_tables import write_whole


def test_a_title_that_asks_needs_no_full_stop() -> None:
    pictures = [Picture("rsa", title, "", "", lambda results: None) for title in ("Losses", "Clusters?")]
    assert [picture.heading for picture in pictures] == ["Losses.", "Clusters?"]
    assert pictures[0].file == "figures/rsa.svg"


def test_a_section_of_words_alone_says_and_shows_nothing_more(tmp_path: Path) -> None:
    (tmp_path / "empty.yaml").write_text("name: nothing\ntitle: Empty\n", encoding="utf-8")
    section = read_section(str(tmp_path / "empty.py"))
    assert (section.name, section.title, section.words) == ("nothing", "Empty", "")
    assert section.pictures == section.tables == ()
    assert section.sentences(Results(tmp_path)) is None
    assert section.viewer(Results(tmp_path)) is None


def test_pictures_come_in_the_order_of_their_plotters_and_none_without_words(tmp_path: Path) -> None:
    words = "{title: A, alt: B, caption: C}"
    content = f"name: x\ntitle: X\npictures:\n  one: {words}\n  two: {words}\n"
    (tmp_path / "x.yaml").write_text(content, encoding="utf-8")
    plotters = dict.fromkeys(("two", "one"), lambda results: None)
    pictures = read_section(str(tmp_path / "x.py"), plotters).pictures
    assert [(picture.name, picture.alt, picture.wide) for picture in pictures] == [
        ("two", "B", False),
        ("one", "B", False),
    ]
    with pytest.raises(KeyError, match="three"):
        read_section(str(tmp_path / "x.py"), {"three": plotters["one"]})


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.name)
def test_no_words_stand_without_their_picture(section: Section) -> None:
    files = Path(sections.__file__).parent.glob("*.yaml")
    contents = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    words = next(content for content in contents if content["name"] == section.name)
    assert set(words.get("pictures", {})) == {picture.name for picture in section.pictures}


def test_result_table_has_a_block_a_space_and_leaves_empty_columns_out(tmp_path: Path) -> None:
    table = {
        "space": ["vae", "salient"],
        "target": "adhd_index",
        "score": [0.1234, np.nan],
        "note": [None, "few"],
    }
    write_whole(pd.DataFrame({**table, "p_value": np.nan}), tmp_path / "analysis/probes.tsv")
    words = {"score": ["score", "number"], "p_value": ["p", "number"], "note": ["note", "text"]}
    words = {"title": "Read", "caption": "What is read.", "columns": words | {"no": ["no", "number"]}}
    module = str(tmp_path / "leaks.py")
    content = yaml.safe_dump({"tables": {"probes": words, "rsa": words}}, sort_keys=False)
    Path(module).with_suffix(".yaml").write_text(content, encoding="utf-8")
    shown = result_table(module, "probes", "target")(Results(tmp_path))
    assert shown is not None
    assert shown.caption == "What is read."
    assert shown.columns == ("target", "score", "note")
    assert shown.blocks == {
        "salient s": [["ADHD Index", "n/a", "few"]],
        "plain VAE": [["ADHD Index", "0.123", ""]],
    }
    assert shown.prose == ("note",)
    assert result_table(module, "rsa", "variable")(Results(tmp_path)) is None


def test_the_column_of_headings_is_no_prose_and_a_caption_has_gaps(tmp_path: Path) -> None:
    columns = {"name": ["name", "text"], "why": ["why", "text"]}
    words = {"title": "Whys", "caption": "At most {most}.", "columns": columns}
    content = yaml.safe_dump({"tables": {"whys": words}, "sentences": {"older": "Older by {by:.1f}."}})
    (tmp_path / "whys.yaml").write_text(content, encoding="utf-8")
    table = TableWords.of(str(tmp_path / "whys.py"), "whys")
    assert table.cells({"why": None, "name": "a_b"}) == ["a_b", ""]
    assert table.without(["why"]).cells({"name": "a"}) == ["a"]
    shown = table.shown({}, most="2")
    assert (shown.caption, shown.prose) == ("At most 2.", ("why",))
    assert sentences_of(str(tmp_path / "whys.py"))("older", by=0.25) == "Older by 0.2."


WORDS = [*Path(sections.__file__).parent.glob("*.yaml"), Path(cautions.__file__), Path(summary.__file__)]


@pytest.mark.parametrize("module", WORDS, ids=lambda module: module.stem)
def test_every_sentence_and_table_in_words_is_used_and_none_is_missing(module: Path) -> None:
    code = module.with_suffix(".py").read_text(encoding="utf-8")
    words = yaml.safe_load(module.with_suffix(".yaml").read_text(encoding="utf-8"))
    code = code.replace("'", '"')
    asked = set(re.findall(r'sentence\(\s*"(\w+)"', code))
    assert asked <= set(words.get("sentences", {}))
    assert all(f'"{name}"' in code for name in [*words.get("sentences", {}), *words.get("tables", {})])


def test_columns_that_are_absent_or_empty_hold_nothing() -> None:
    table = pd.DataFrame({"full": [1.0, np.nan], "empty": [np.nan, np.nan]})
    assert [holds(table, name) for name in ("full", "empty", "absent")] == [True, False, False]


def test_pictures_of_a_table_get_it_with_the_words_of_its_variables(tmp_path: Path) -> None:
    write_whole(pd.DataFrame({"variable": ["age", "adhd_pc1"]}), tmp_path / "analysis/rsa.tsv")
    results, given = Results(tmp_path), []

    def plot(*arguments: object) -> Figure:
        given.append(arguments)
        return Figure()

    assert from_table("rsa")(plot)(results) is not None
    assert plot_variables("rsa", plot)(results) is not None
    assert given[0][1].equals(given[1][0])
    assert given[1][1] == {"age": "age", "adhd_pc1": "ADHD battery, PC1"}
    assert from_table("mixture")(plot)(results) is None
    assert plot_variables("mixture", plot)(results) is None
