import pytest

from bids_adapters.phenotype.codebook import BY_NAME, canonical_number, find_column, is_missing, read_value


@pytest.mark.parametrize(
    "text",
    [
        "-999",
        "-999.0",
        " -999 ",
        "-9.99e2",
        "N/A",
        "n/a",
        "NA",
        "",
        " ",
        "pending",
        "Withheld",
        "nan",
        "#N/A",
    ],
)
def test_missing_codes(text: str) -> None:
    assert is_missing(text)


@pytest.mark.parametrize("text", ["0", "-99", "999", "none", "No", "pending review"])
def test_values_that_are_not_missing(text: str) -> None:
    assert not is_missing(text)


@pytest.mark.parametrize(
    ("column", "text", "code"),
    [
        ("sex", "Male", "1"),
        ("sex", "F", "0"),
        ("sex", "1.0", "1"),
        ("dx", "ADHD-Combined", "1"),
        ("dx", "ADHD-Hyperactive/Impulsive", "2"),
        ("dx", "ADHD-Inattentive", "3"),
        ("dx", "Typically Developing Children", "0"),
        ("handedness", "L", "0"),
        ("handedness", "Right", "1"),
        ("handedness", "-0.63", "-0.63"),
        ("handedness", "Ambidextrous", "2"),
        ("site", "Peking_2", "1"),
        ("site", "NeuroIMAGE", "4"),
        ("site", "WashU", "8"),
        ("med_status", "Medication Na´ve", "1"),
        ("med_status", "Medication Naïve", "1"),
        ("med_status", "Not Medication Naïve", "2"),
        ("adhd_measure", "ADHD Rating Scale IV (ADHD-RS)", "1"),
        ("adhd_measure", "Conners' Parent Rating Scale-Revised, Long version (CPRS-LV)", "2"),
        ("adhd_measure", "Connors' Rating Scale-3rd Edition", "3"),
        ("iq_measure", "WISC-IV", "1"),
        ("iq_measure", "Wechsler Abbreviated Scale of Intelligence (WASI)", "2"),
        ("iq_measure", "WISCC-R", "3"),
        ("iq_measure", "Two subtest WASI", "4"),
        ("iq_measure", "2 subtest WISC or WAIS", "5"),
        ("age", "11.170", "11.17"),
        ("age", "89+", "89"),
    ],
)
def test_words_and_numbers_become_official_codes(column: str, text: str, code: str) -> None:
    assert read_value(BY_NAME[column], text) == code


@pytest.mark.parametrize(
    ("column", "text"),
    [("handedness", "3"), ("sex", "4"), ("dx", "1.5"), ("site", "9"), ("age", "ten"), ("dx", "ADHD")],
)
def test_what_the_book_does_not_hold(column: str, text: str) -> None:
    assert read_value(BY_NAME[column], text) is None


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Gender", "sex"),
        ("Hyper.Impulsive", "hyper_impulsive"),
        ("Secondary Dx ", "secondary_dx"),
        ("secondary_dx_", "secondary_dx"),
        ("Full4 IQ", "full4_iq"),
        ("QC_Athena", "qc_athena"),
        ("QC_Rest_3", "qc_rest_3"),
        ("qc_s1_anat", "qc_s1_anat"),
    ],
)
def test_header_variants_find_their_column(header: str, name: str) -> None:
    column = find_column(header)
    assert column is not None
    assert column.name == name


def test_numbers_are_written_one_way() -> None:
    assert canonical_number("+2.0") == "2"
    assert canonical_number("11,5", decimal_comma=True) == "11.5"
    assert canonical_number("11,5") is None
    assert canonical_number("1e999") is None
    assert canonical_number("12345678901234567890") is None  # an identifier: a float would change it
    assert canonical_number("٣") is None


def test_levels_reach_the_sidecar() -> None:
    assert BY_NAME["dx"].sidecar()["Levels"]["2"] == "ADHD, hyperactive/impulsive"
    assert BY_NAME["age"].sidecar()["Units"] == "year"
