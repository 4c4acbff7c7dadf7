import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adhd_cvae.config import CohortConfig
from adhd_cvae.errors import InputError
from adhd_cvae.names import EXCLUSION_COLUMNS
from bids_adapters import build_cohort
from bids_adapters import cohort as assemble
from bids_adapters.cohort import measure_head_size
from bids_adapters.images.naming import MapFile
from bids_adapters.images.selection import Maps
from tests.bids_adapters.head_size.invented_reports import aseg, tissue

ADHD200 = CohortConfig(target=(1, 2))
NAME = "sub-{0}/anat/sub-{0}_space-MNI152NLin2009aSym_res-3_label-GM_probseg.nii.gz"


def dataset(root: Path, table: str, maps: tuple[str, ...]) -> Path:
    for one in maps:
        path = root / NAME.format(one)
        path.parent.mkdir(parents=True)
        path.touch()
    (root / "participants.tsv").write_text(table.replace(" ", "\t"))
    return root


TABLE = (
    "participant_id dx age\nsub-01 1 10\nsub-02 0 11\nsub-03 n/a 12\nsub-04 0 13\nsub-05 3 14\nsub-06 2 15\n"
)
MAPS = ("01", "02", "03", "05", "06", "07")


def test_everyone_is_in_the_cohort_or_in_the_exclusions(tmp_path: Path) -> None:
    cohort = build_cohort(dataset(tmp_path, TABLE, MAPS), ADHD200)
    assert cohort.table["participant_id"].tolist() == ["sub-01", "sub-02", "sub-06"]
    assert cohort.table["group"].tolist() == ["target", "background", "target"]
    assert cohort.table["image"].tolist() == [NAME.format(one) for one in ("01", "02", "06")]
    assert list(cohort.table.columns) == ["participant_id", "image", "group", "age", "dx", "image_choice"]
    assert list(cohort.columns) == list(cohort.table.columns)
    assert cohort.table["dx"].tolist() == [1, 0, 2]
    assert tuple(cohort.exclusions.columns) == EXCLUSION_COLUMNS
    assert cohort.exclusions[["participant_id", "stage", "reason"]].to_numpy().tolist() == [
        ["sub-03", "phenotype", "group_missing"],
        ["sub-04", "layout", "no_map"],
        ["sub-05", "phenotype", "group_unused"],
        ["sub-07", "phenotype", "no_phenotype"],
    ]


def test_identifiers_meet_whatever_their_zeros(tmp_path: Path) -> None:
    table = "ScanDir_ID dx\n9001 1\n9002 0\n"
    cohort = build_cohort(dataset(tmp_path, table, ("0009001", "09002")), ADHD200)
    assert cohort.table["participant_id"].tolist() == ["sub-0009001", "sub-09002"]


def test_the_truth_of_a_simulation_is_never_read(tmp_path: Path) -> None:
    root = dataset(tmp_path, TABLE, MAPS)
    (root / "phenotype").mkdir()
    (root / "phenotype/simulated_truth.tsv").write_text("participant_id\tseverity\nsub-01\t1.5\n")
    (root / "phenotype/adhd200.tsv").write_text("participant_id\tinattentive\nsub-01\t30\n")
    table = build_cohort(root, ADHD200).table
    assert "severity" not in table
    assert table["inattentive"].tolist() == [30, pd.NA, pd.NA]


def test_only_the_participants_asked_for(tmp_path: Path) -> None:
    root = dataset(tmp_path, TABLE, MAPS)
    cohort = build_cohort(root, ADHD200, participant_labels=["01", "sub-2"])
    assert cohort.table["participant_id"].tolist() == ["sub-01", "sub-02"]
    assert (cohort.exclusions["reason"] == "not_selected").sum() == 5
    with pytest.raises(InputError, match=r"no participant '13' among its 7"):
        build_cohort(root, ADHD200, participant_labels=["01", "13"])


def test_conflicting_sources_leave_the_participant_out_unless_one_is_preferred(tmp_path: Path) -> None:
    root = dataset(tmp_path, TABLE, MAPS)
    other = tmp_path / "other.csv"
    other.write_text("ID,dx\n1,0\n2,0\n")
    cohort = build_cohort(root, ADHD200, phenotype_files=[other])
    assert "sub-01" not in set(cohort.table["participant_id"])
    assert cohort.conflicts["value"].tolist() == ["0", "1"]
    assert "sources disagree about dx" in set(cohort.exclusions["detail"])
    decided = build_cohort(root, ADHD200, phenotype_files=[other], prefer=other)
    assert decided.table.set_index("participant_id")["group"]["sub-01"] == "background"
    assert len(decided.conflicts) == 2


def test_another_study_maps_its_columns(tmp_path: Path) -> None:
    table = "participant_id group Age\nsub-01 patient 20\nsub-02 Control 30\nsub-03 relative 40\n"
    root = dataset(tmp_path, table, ("01", "02", "03"))
    study = CohortConfig(group="group", target=("patient",), background=("control",), site=None)
    cohort = build_cohort(root, study)
    assert cohort.table["group"].tolist() == ["target", "background"]
    assert cohort.table["source_group"].tolist() == ["patient", "Control"]
    assert cohort.exclusions["detail"].tolist() == ["code relative is neither target nor background"]


def test_group_codes_may_be_words_and_the_header_as_in_the_file(tmp_path: Path) -> None:
    words = CohortConfig(group="DX", target=("ADHD-Combined",), background=("Typically Developing Children",))
    cohort = build_cohort(dataset(tmp_path, TABLE, MAPS), words)
    assert cohort.table["participant_id"].tolist() == ["sub-01", "sub-02"]


TABLE_OF_WORDS = "participant_id age sex Status\n" + "".join(
    f"sub-0{one} 1{one}.5 1 {'HC' if one % 2 else 'AD'}\n" for one in range(1, 5)
)


def test_a_missing_group_column_names_what_was_found(tmp_path: Path) -> None:
    root = dataset(tmp_path, TABLE_OF_WORDS, ("01",))
    with pytest.raises(InputError) as failure:
        build_cohort(root, ADHD200)
    assert str(failure.value) == (
        "participants.tsv: no column 'dx' (found: sex, age, status). Name the column and its values with --set "
        "cohort.group=COLUMN --set 'cohort.target=[PATIENTS]' --set 'cohort.background=[CONTROLS]' "
        "--set cohort.site=SITE --set analysis.permute_within=SITE (null in both where there was one). "
        "Columns of few values: status (AD, HC)."
    )


@pytest.mark.parametrize(
    ("table", "maps", "says"),
    [
        (TABLE, (), r"no participant is left \(no_map 6\)\. Recognised maps"),
        (TABLE, ("03", "05"), r"no participant is left \(.*group_missing 1"),
        (TABLE, ("01", "06"), "nobody in the background group"),
        (TABLE, ("02",), r"nobody in the target group.* The table has .*\(\d\).* --set 'cohort\.target="),
    ],
)
def test_nothing_to_work_on(tmp_path: Path, table: str, maps: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        build_cohort(dataset(tmp_path, table, maps), ADHD200)


def test_no_phenotype_at_all(tmp_path: Path) -> None:
    root = dataset(tmp_path, TABLE, MAPS)
    (root / "participants.tsv").unlink()
    with pytest.raises(InputError, match=r"no participants\.tsv"):
        build_cohort(root, ADHD200)
    new = build_cohort(root, ADHD200, require_groups=False)
    assert len(new.table) == len(MAPS)
    assert new.table["group"].isna().all()


def test_a_derivative_without_tables_is_described_by_the_dataset_around_it(tmp_path: Path) -> None:
    derivative = tmp_path / "raw/derivatives/segmentation"
    dataset(derivative, TABLE, MAPS)
    (derivative / "participants.tsv").rename(tmp_path / "raw/participants.tsv")
    (tmp_path / "raw/phenotype").mkdir()
    (tmp_path / "raw/phenotype/scores.tsv").write_text("participant_id\tiq\nsub-01\t99\n")
    cohort = build_cohort(derivative, ADHD200)
    assert cohort.table["participant_id"].tolist() == ["sub-01", "sub-02", "sub-06"]
    assert cohort.columns["age"]["Origin"] == "column 'age' of ../../participants.tsv"
    assert cohort.columns["iq"]["Origin"] == "column 'iq' of ../../phenotype/scores.tsv"
    clinic = tmp_path / "clinic.csv"
    clinic.write_text("ID,age\n1,77\n")
    conflicts = build_cohort(derivative, ADHD200, phenotype_files=[clinic]).conflicts
    assert set(conflicts["file"]) == {"../../participants.tsv", "clinic.csv"}
    shutil.copy(tmp_path / "raw/participants.tsv", derivative)
    assert build_cohort(derivative, ADHD200).columns["age"]["Origin"] == "column 'age' of participants.tsv"


def test_no_table_is_looked_for_outside_a_dataset(tmp_path: Path) -> None:
    derivative = tmp_path / "raw/elsewhere/segmentation"
    dataset(derivative, TABLE, MAPS)
    (derivative / "participants.tsv").rename(tmp_path / "raw/participants.tsv")
    with pytest.raises(InputError, match=r"no phenotype/\*\.tsv or \*\.csv, so no groups"):
        build_cohort(derivative, ADHD200)
    (tmp_path / "raw/elsewhere").rename(tmp_path / "raw/derivatives")
    (tmp_path / "raw/participants.tsv").unlink()
    with pytest.raises(InputError, match="nor in the dataset around it"):
        build_cohort(tmp_path / "raw/derivatives/segmentation", ADHD200)


def test_new_participants_need_no_group(tmp_path: Path) -> None:
    new = build_cohort(dataset(tmp_path, TABLE, MAPS), ADHD200, require_groups=False)
    assert new.table["participant_id"].tolist() == [f"sub-{one}" for one in MAPS]
    assert new.table["age"].tolist() == [10, 11, 12, 14, 15, pd.NA]


NATIVE = "sub-{0}/anat/sub-{0}_label-GM_probseg.nii.gz"
FIRST = "sub-{0}/ses-baseline/anat/sub-{0}_ses-baseline_space-MNI152NLin6Asym_label-GM_probseg.nii.gz"
SECOND = FIRST.replace("baseline", "month12")


@pytest.mark.parametrize(
    ("files", "taken"),
    [
        ({"A1": (NATIVE, NAME), "A2": (NAME, NATIVE)}, {"A1": NAME, "A2": NAME}),
        ({"B1": (SECOND, FIRST), "B2": (FIRST,), "B3": (SECOND,)}, {"B1": FIRST, "B2": FIRST, "B3": SECOND}),
        ({"0042": (NATIVE, FIRST)}, {"0042": FIRST}),
    ],
    ids=["native siblings", "several sessions", "one alone"],
)
def test_new_participants_all_come_through(
    tmp_path: Path, files: dict[str, tuple[str, ...]], taken: dict[str, str]
) -> None:
    for label, names in files.items():
        for name in names:
            path = tmp_path / name.format(label)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    new = build_cohort(tmp_path, ADHD200, require_groups=False).table
    found = dict(zip(new["participant_id"], new["image"], strict=True))
    assert found == {f"sub-{label}": name.format(label) for label, name in taken.items()}


def test_burner_folder_is_told_what_to_do(tmp_path: Path) -> None:
    root = dataset(tmp_path, TABLE, ())
    (root / "mwrc10009001.nii").touch()
    with pytest.raises(InputError, match="adhd-cvae import-burner"):
        build_cohort(root, ADHD200)


def test_what_an_import_left_out_is_told_again(tmp_path: Path) -> None:
    root = dataset(tmp_path, TABLE, MAPS)
    (root / "import_exclusions.tsv").write_text(
        "participant_id\tstage\treason\tdetail\nsub-99\timport\tunreadable_map\tmwrc1x.nii: cannot be read\n"
    )
    exclusions = build_cohort(root, ADHD200).exclusions
    assert exclusions.to_numpy().tolist()[-1] == [
        "sub-99",
        "import",
        "unreadable_map",
        "mwrc1x.nii: cannot be read",
    ]


def test_columns_are_described(tmp_path: Path) -> None:
    root = dataset(tmp_path, TABLE.replace("participant_id", "ScanDir_ID"), MAPS)
    (root / "participants.json").write_text(json.dumps({"age": {"Origin": "column 'Age' of the key"}}))
    columns = build_cohort(root, ADHD200).columns
    assert columns["dx"]["Levels"]["1"] == "ADHD, combined"
    assert columns["age"]["Origin"] == "column 'Age' of the key"
    assert set(columns["group"]["Levels"]) == {"target", "background"}


PERSON = st.tuples(
    st.integers(1, 12),
    st.sampled_from(["0", "1", "2", "3", "5", "-999", "pending", "", "ADHD-Combined", "??"]),
    st.sampled_from(["", "1", "0", "N/A"]),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(PERSON, min_size=1, max_size=10), maps=st.sets(st.integers(1, 14), max_size=10))
def test_nobody_is_lost_without_a_line(
    tmp_path: Path, people: list[tuple[int, str, str]], maps: set[int]
) -> None:
    lines = ["ID,DX,Gender", *(f"{one},{dx},{sex}" for one, dx, sex in people)]
    (tmp_path / "participants.tsv").write_text("\n".join(lines))
    files = {str(one): MapFile(f"{one}.nii", f"{one:07d}", "", "CAT12", "template", True) for one in maps}
    found = Maps({key: (file, "the only one") for key, file in files.items()}, [])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assemble, "find_maps", lambda *_, **__: found)
        try:
            cohort = build_cohort(tmp_path, ADHD200)
        except InputError as error:
            assert len(error.problems) == 1  # noqa: PT017
            return
    everyone = {f"sub-{one:07d}" for one in maps | {one for one, *_ in people}}
    found = set(cohort.table["participant_id"]) | set(cohort.exclusions["participant_id"])
    assert everyone == found - {"n/a"}  # a line about a column is nobody's
    assert not cohort.table["participant_id"].duplicated().any()
    assert cohort.table["dx"].notna().all()


def test_a_subdataset_that_is_not_fetched_is_named(tmp_path: Path) -> None:
    (tmp_path / "derivatives" / "fmriprep").mkdir(parents=True)
    (tmp_path / ".gitmodules").write_text('[submodule "derivatives/fmriprep"]\n')
    (tmp_path / "participants.tsv").write_text("participant_id\tdx\nsub-01\t0\nsub-02\t1\n")
    with pytest.raises(InputError, match=r"datalad get -r derivatives/fmriprep"):
        build_cohort(tmp_path, CohortConfig())


def test_head_size_is_a_column_and_what_is_none_a_line(tmp_path: Path) -> None:
    root = dataset(tmp_path, TABLE, MAPS)
    for label, volume in (("01", 1.4e6), ("02", 3e6), ("06", 1.5e6)):
        aseg(root / f"derivatives/freesurfer/sub-{label}/stats/aseg.stats", volume)
    cohort = build_cohort(root, ADHD200)
    assert cohort.table["tiv"].tolist() == pytest.approx([1400, float("nan"), 1500], nan_ok=True)
    assert list(cohort.table)[-2:] == ["tiv", "image_choice"]
    line = cohort.exclusions[cohort.exclusions["reason"] == "not_a_head_size"]
    assert line[["participant_id", "stage"]].to_numpy().tolist() == [["sub-02", "phenotype"]]
    with pytest.raises(InputError, match=r"cohort\.tiv_source is cat12.*found: freesurfer \(3 of 3\)"):
        build_cohort(root, ADHD200.model_copy(update={"tiv_source": "cat12"}))


def test_sums_of_native_maps_are_measured_apart(tmp_path: Path) -> None:
    root = dataset(tmp_path, TABLE, MAPS)
    for label, value in (("01", 0.5), ("02", 0.05)):
        for one in ("GM", "WM", "CSF"):
            tissue(root / f"sub-{label}/anat/sub-{label}_label-{one}_probseg.nii", value)
    found = build_cohort(root, ADHD200)
    assert found.table["tiv"].isna().all()
    measured = measure_head_size(found, root, ADHD200)
    assert measured.table["tiv"].tolist() == pytest.approx([1499.25, float("nan"), float("nan")], nan_ok=True)
    assert "not_a_head_size" in set(measured.exclusions["reason"])
    assert measure_head_size(measured, root, ADHD200) is measured
