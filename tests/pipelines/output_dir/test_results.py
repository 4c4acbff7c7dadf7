"""The reading side: absent files are None, codes have words, settings are found by their dotted names."""

import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import write_json
from pipelines.output_dir.results import Results


def test_an_empty_folder_has_nothing(tmp_path):
    results = Results(tmp_path)
    assert results.cohort is results.latents is results.history is results.analysis("rsa") is None
    assert results.decoded == results.fold_arrays == results.recipe == {}
    assert results.out_of_fold is None
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


@pytest.mark.parametrize("content", [b"\x81", b"[1]", b"{"])
def test_a_damaged_sidecar_is_refused_in_a_line(tmp_path, invent_results, content):
    invent_results(tmp_path).cohort.with_suffix(".json").write_bytes(content)
    with pytest.raises(InputError, match=r"cohort\.json is no JSON object"):
        _ = Results(tmp_path).sidecar


def test_a_setting_is_found_or_its_default_is_given(tmp_path):
    write_json({"recipe": {"cohort": {"site": "scanner"}}, "stages": {}}, tmp_path / "run.json")
    results = Results(tmp_path)
    assert results.setting("cohort.site") == "scanner"
    assert results.setting("cohort.group", "dx") == "dx"


def test_what_the_sensitivity_was_asked_is_read_or_refused(tmp_path):
    assert Results(tmp_path).sensitivity is None
    assert Results(tmp_path).power is Results(tmp_path).smallest is Results(tmp_path).false_positives is None
    facts = {"n": 280, "patients": 140, "cohort_n": 140, "cohort_patients": 70, "controls": 140}
    facts |= {"references": [], "lent": 0, "severities": ["striatum"], "quick": True}
    path = Results(tmp_path).paths.sensitivity_facts
    write_json({**facts, "notes": []}, path)
    assert Results(tmp_path).sensitivity == {**facts, "notes": []}
    write_json(facts, path)
    with pytest.raises(InputError, match="has no notes"):
        _ = Results(tmp_path).sensitivity
