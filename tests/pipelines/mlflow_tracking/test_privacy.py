"""What leaves the lab names no participant, no table and no place."""

import pytest

from adhd_cvae.io import write_json, write_text
from pipelines.mlflow_tracking.privacy import public_checklist, public_settings
from pipelines.output_dir.results import Results


@pytest.fixture
def results(tmp_path):
    """Write run.json and a cohort; read them back."""

    def written(stages=None, **content):
        whole = {"state": "started", "fingerprint": "", "settings": {}, "inputs": {}}
        stages = {name: whole | stage for name, stage in (stages or {}).items()}
        write_json({"recipe": {}, **content, "stages": stages}, tmp_path / "run.json")
        rows = "".join(f"sub-{name}\tn/a\ttarget\n" for name in ("jane", "9900001"))
        write_text(f"participant_id\timage\tgroup\n{rows}", tmp_path / "cohort.tsv")
        return Results(tmp_path)

    return written


def test_an_atlas_is_named_by_its_file_and_not_by_its_place(results):
    recipe = {"analysis": {"atlas": "/home/someone/atlases/own_dseg.nii.gz"}}
    analysed = {"settings": {"analysis.atlas": recipe["analysis"]["atlas"]}}
    kept = public_checklist(results(recipe=recipe, stages={"analyse": analysed}))
    assert kept["recipe"] == {"analysis": {"atlas": "own_dseg.nii.gz"}}
    assert kept["stages"]["analyse"]["settings"] == {"analysis.atlas": "own_dseg.nii.gz"}


def test_where_the_data_lie_and_who_was_asked_for_stay_in_the_lab(results):
    settings = {"BIDS_DIR": "../bids", "--participant-label": ["01"], "seed": 3}
    finished = results(bids_dir="../bids", stages={"prepare": {"settings": settings}})
    assert public_checklist(finished)["stages"]["prepare"]["settings"] == {"seed": 3}
    assert finished.run["stages"]["prepare"]["settings"] == settings


def test_files_that_chose_are_checksums(results):
    settings = {"--bids-filter-file": {"gm": {"subject": ["9900001"]}}, "--prefer": "jane_doe.tsv"}
    one, other = (
        public_checklist(results(stages={"prepare": {"settings": settings | more}}))["stages"]["prepare"][
            "settings"
        ]
        for more in ({}, {"--prefer": "john.tsv"})
    )
    assert one["--bids-filter-file"] == other["--bids-filter-file"]
    assert one["--prefer"] != other["--prefer"]
    assert "9900001" not in str(one)
    assert "jane" not in str(one)
    nothing = {"--bids-filter-file": None}
    assert (
        public_checklist(results(stages={"prepare": {"settings": nothing}}))["stages"]["prepare"]["settings"]
        == nothing
    )


def test_tables_are_numbered(results):
    inputs = {"files of BIDS_DIR": "a", "../phenotype/jane_doe.tsv": "b"}
    kept = public_checklist(
        results(inputs={"phenotype/jane_doe.tsv": "c"}, stages={"prepare": {"inputs": inputs}})
    )
    assert kept["inputs"] == {"table 1": "c"}
    assert kept["stages"]["prepare"]["inputs"] == {"files of BIDS_DIR": "a", "table 1": "b"}


@pytest.mark.parametrize(
    "query",
    [
        {"gm": {"subject": ["sub-jane"]}},
        {"probseg": {"subject": "9900001", "session": "1"}},
        {"gm": {"sub": ["janet", "unknown-to-the-cohort"]}},
        {"sub-jane": {"gm": "9900001"}},
    ],
)
def test_no_word_of_a_filter_leaves_the_lab(results, query):
    kept = public_checklist(results(stages={"prepare": {"settings": {"--bids-filter-file": query}}}))
    for word in ("jane", "9900001", "unknown", "subject"):
        assert word not in str(kept)


def test_identifiers_in_settings_are_counted(results):
    settings = {
        "name": "jane",
        "cohort": {"match": ["age", "sub-jane", "9900001"], "group": "janet"},
        "seed": 9900001,
    }
    kept = public_settings(settings, results())
    assert kept == {
        "name": "1 participant",
        "cohort": {"match": ["age", "2 participants"], "group": "janet"},
        "seed": 9900001,
    }


def test_where_a_borrowed_background_lies_stays_in_the_lab(results):
    sources = ["/home/jane/pool", "models:/adhd-cvae-background@champion"]
    kept = public_settings({"cohort": {"background_from": sources}}, results())
    assert kept["cohort"]["background_from"] == ["pool", sources[1]]
    checklist = public_checklist(results(recipe={"cohort": {"background_from": sources}}))
    assert "pool" in str(checklist)
    assert "home" not in str(checklist)
