"""The reading side: absent files are None, codes have words, settings are found by their dotted names."""

from adhd_cvae.io import write_json
from pipelines.output_dir.results import Results


def test_an_empty_folder_has_nothing(tmp_path):
    results = Results(tmp_path)
    assert results.cohort is results.latents is results.history is results.analysis("rsa") is None
    assert results.decoded == results.recipe == {}
    assert results.members(group="target").empty
    assert results.site is None


def test_a_cohort_is_read_with_the_words_of_its_codes(tmp_path, invent_results):
    paths = invent_results(tmp_path)
    write_json(
        {"site": {"LongName": "Scanner", "Levels": {"1": "Peking"}}}, paths.cohort.with_suffix(".json")
    )
    results = Results(tmp_path)
    assert results.site == "site"
    assert results.label("site") == "Scanner"
    assert results.level("site", 1.0) == "Peking"
    assert results.named_level("site", 2) == "Scanner 2"
    assert set(results.members(group="target")["group"]) == {"target"}


def test_a_setting_is_found_or_its_default_is_given(tmp_path):
    write_json({"recipe": {"cohort": {"site": "scanner"}}, "stages": {}}, tmp_path / "run.json")
    results = Results(tmp_path)
    assert results.setting("cohort.site") == "scanner"
    assert results.setting("cohort.group", "dx") == "dx"
