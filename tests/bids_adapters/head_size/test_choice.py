"""One source for everybody, in ml, and only what a head can measure."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from bids_adapters.head_size.choice import choose_head_size, within_bounds
from bids_adapters.head_size.found import Found
from bids_adapters.images.kind import Kind
from tests.bids_adapters.head_size.invented_reports import MODULATED, scans

MAPS = scans("1", "2", "3", "4")
NO_TABLE = (pd.DataFrame(index=range(4)), {})


def column(values: list[float], name: str = "icv", units: str | None = None):
    entry = {"Origin": f"column '{name}'"} | ({} if units is None else {"Units": units})
    return pd.DataFrame({name: values}), {name: entry}


def measured(*sizes: float) -> Found:
    keys = [str(one) for one in range(1, 5)]
    return Found("derivatives/x", {key: {"tiv": size} for key, size in zip(keys, sizes, strict=False)})


def choose(phenotype=NO_TABLE, reports=None, kind: Kind | None = MODULATED, **settings):
    return choose_head_size(phenotype, reports or {}, MAPS, kind, CohortConfig.model_validate(settings))


def test_the_source_that_most_have_gives_all_of_them_and_the_other_none() -> None:
    head = choose(reports={"cat12": measured(1400, 1500), "freesurfer": measured(1410, 1510, 1610)})
    assert head.sizes == {"1": 1410, "2": 1510, "3": 1610}
    assert head.entry["Units"] == "ml"
    assert head.entry["Origin"].startswith(
        "FreeSurfer, stats/aseg.stats with EstimatedTotalIntraCranialVol, in der"
    )
    assert (
        "of 3 of 4 participants. Sources found: cat12 (2 of 4), freesurfer (3 of 4)" in head.entry["Origin"]
    )


def test_where_equal_the_preferred_source_is_taken() -> None:
    reports = {tool: measured(1400, 1500, 1400) for tool in ("spm", "freesurfer", "cat12")}
    reports["smriprep"] = Found(volumes={key: ("a", "b", "c") for key in ("1", "2", "3")})
    order = []
    for tool in ("phenotype", "cat12", "freesurfer", "spm", "smriprep"):
        table = column([1.4e6, 1.5e6, 1.4e6, np.nan]) if not order else NO_TABLE
        head = choose(table, reports)
        order.append(head.entry["Origin"].split()[0].rstrip(","))
        assert bool(head.volumes) == (tool == "smriprep")
        reports.pop(tool, None)
    assert order == ["column", "CAT12", "FreeSurfer", "SPM", "sMRIPrep"]


def test_a_source_that_is_asked_for_is_taken_though_others_have_more() -> None:
    reports = {"cat12": measured(1400), "freesurfer": measured(1410, 1510)}
    head = choose(reports=reports, tiv_source="cat12")
    assert head.sizes == {"1": 1400}


def test_a_source_of_nobody_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError) as refused:
        choose(reports={"freesurfer": measured(1400, 1500)}, tiv_source="cat12")
    assert str(refused.value) == (
        "cohort.tiv_source is cat12, but of no participant there is cat_*.xml with subjectmeasures/vol_TIV "
        "(found: freesurfer (2 of 4)). Name one of these, or auto."
    )
    assert choose().entry == {}


@pytest.mark.parametrize(
    ("values", "units"),
    [
        ([1400000, 1500000, 1600000, np.nan], None),
        ([1400000, 1500000, 1600000, np.nan], "mm^3"),
        ([1400, 1500, 1600, np.nan], "mL"),
        ([1400, 1500, 1600, np.nan], "cm³"),
        ([1400, 1500, 1600, np.nan], "arbitrary"),
        ([1.4, 1.5, 1.6, np.nan], None),
        ([1.4, 1.5, 1.6, np.nan], "litres"),
    ],
)
@pytest.mark.parametrize(
    "name",
    ["tiv", "etiv", "icv", "estimatedtotalintracranialvol", "total_intracranial_volume", "vol_tiv", "tiv_ml"],
)
def test_a_column_is_converted_whatever_its_units_and_name(
    name: str, values: list[float], units: str | None
) -> None:
    head = choose(column(values, name, units))
    assert head.sizes == pytest.approx({"1": 1400, "2": 1500, "3": 1600})


@pytest.mark.parametrize(
    ("values", "units"),
    [([0.1, -0.3, 1.2, 0.0], None), ([1400, 1500, 1600, 1500], "mm3"), ([30000, 31000, 32000, 33000], None)],
)
def test_a_column_that_is_no_head_in_its_units_is_not_taken_and_noted(
    values: list[float], units: str | None
) -> None:
    head = choose(column(values, units=units), {"cat12": measured(1400)})
    assert head.sizes == {"1": 1400}
    assert [note.reason for note in head.notes] == ["not_a_head_size"]
    assert "the column is not taken" in head.notes[0].detail


def test_other_columns_are_no_head_size() -> None:
    for name in ("iq", "active", "native_volume", "brain_volume", "tiv_rating", "ictal"):
        assert choose(column([1400, 1500, 1600, 1500], name)).entry == {}
    assert choose((pd.DataFrame({"tiv": ["a", "b", "c", "d"]}), {"tiv": {"Origin": "x"}})).entry == {}


def test_what_no_head_measures_is_left_out_with_a_note() -> None:
    head = choose(reports={"cat12": measured(1400, 499.9, 2500, 2501)})
    assert head.sizes == {"1": 1400, "3": 2500}
    assert [(note.key, note.reason) for note in head.notes] == [
        ("2", "not_a_head_size"),
        ("4", "not_a_head_size"),
    ]
    kept, notes = within_bounds({"a": 900}, (1000, 2000), "CAT12")
    assert (kept, notes[0].detail) == (
        {},
        "tiv = 900 ml by CAT12 is no head's size (cohort.tiv_bounds: 1000 to 2000 ml); taken as missing",
    )


def test_total_gray_matter_is_taken_only_where_asked_for_and_with_a_caution() -> None:
    assert choose().entry == {}
    head = choose(tiv_source="total_gray_matter")
    assert head.volumes == {key: (f"sub-{key}.nii",) for key in MAPS}
    assert "takes away an effect of patients that is everywhere" in head.entry["Description"]


@pytest.mark.parametrize("modulation", ["unmodulated", "modulated for the non-linear part"])
def test_total_gray_matter_of_maps_without_volume_is_refused(modulation: str) -> None:
    kind = replace(MODULATED, modulation=modulation)
    with pytest.raises(InputError, match=rf"only modulated maps have; these are: .*{modulation}"):
        choose(kind=kind, tiv_source="total_gray_matter")
