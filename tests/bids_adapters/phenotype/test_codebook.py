import pytest

from bids_adapters.phenotype.codebook import (
    BY_NAME,
    canonical_number,
    find_column,
    is_missing,
    is_of_adhd200,
    read_value,
)


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
        "-9999",
        "-9999.00",
        "-999,0",
        "\u2212999",
        "-99999",
        "#NULL!",
        "#VALUE!",
        "#DIV/0!",
        "#¡VALOR!",
        "#NV",
        "########",
        "1.#QNAN",
        "Unknown",
        "not available",
        "<NA>",
        "?",
    ],
)
def test_missing_codes(text: str) -> None:
    assert is_missing(text)


@pytest.mark.parametrize(
    "text", ["0", "-99", "999", "none", "No", "pending review", "-9", "-990", "#1", "9999"]
)
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
        ("dx", "ADHD, combined presentation", "1"),
        ("dx", "Predominantly inattentive", "3"),
        ("dx", "Healthy Controls", "0"),
        ("dx", "TDC", "0"),
        ("med_status", "never on medication", "1"),
        ("med_status", "currently on medication", "2"),
        ("site", "Oregon Health & Science University", "6"),
        ("age", "89+", "89"),
    ],
)
def test_words_and_numbers_become_official_codes(column: str, text: str, code: str) -> None:
    assert read_value(BY_NAME[column], text) == code


@pytest.mark.parametrize(
    ("column", "text"),
    [
        *(("handedness", "3"), ("sex", "4"), ("dx", "1.5"), ("site", "9"), ("age", "ten"), ("dx", "ADHD")),
        *(
            ("dx", "Impulse control disorder"),
            ("dx", "Atypical autism"),
            ("dx", "non-ADHD"),
            ("dx", "control?"),
        ),
        *(("dx", "Uncontrolled epilepsy"), ("dx", "ADHD-Combined in remission"), ("dx", "not inattentive")),
        *(("dx", "no longer combined"), ("dx", "对照 control"), ("dx", "healthy sibling of ADHD combined")),
        *(("med_status", "not medicated"), ("med_status", "off medication since May"), ("sex", "male?")),
        *(("site", "Brownsville"), ("site", "Peking Union Hospital"), ("site", "not NYU")),
        *(
            ("adhd_measure", "Vanderbilt ADHD Diagnostic Rating Scale"),
            ("adhd_measure", "Conners 2nd edition"),
        ),
        *(
            ("iq_measure", "WASI-II"),
            ("iq_measure", "WISC-V"),
            ("qc_athena", "not failed"),
            ("handedness", "leftish"),
        ),
    ],
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


@pytest.mark.parametrize(
    ("headers", "is_of_it"),
    [
        (("ScanDir ID", "DX"), True),
        (("participant_id", "ADHD Measure", "IQ Measure", "Med Status"), True),
        (("id", "QC_Athena", "qc_rest_1", "Full4 IQ"), True),
        (("participant_id", "site", "sex", "dx", "age", "handedness"), False),
        (("participant_id", "ADHD Index", "Inattentive", "Hyper/Impulsive", "FIQ", "VIQ"), False),
        (("SUB_ID", "SITE_ID", "Med Status", "Secondary Dx"), False),
    ],
)
def test_a_table_shows_itself_to_be_adhd200_s_by_its_headers(
    headers: tuple[str, ...], is_of_it: bool
) -> None:
    assert is_of_adhd200(headers) is is_of_it


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
