"""What labs write: instruments, words, codes and sessions, each list made for this campaign alone."""

INSTRUMENTS = ("cbcl", "conners", "srs", "wisc", "swan", "cdi")
SHARED_HEADERS = ("total", "raw_score", "t_score", "summary")
RESIDUE = (
    *(
        "-9999",
        "-999",
        "-9999.0",
        "-999.0",
        "-99999",
        "#NULL!",
        "#N/A",
        "#DIV/0!",
        "#VALUE!",
        "#REF!",
        "#NUM!",
    ),
    *(
        "unknown",
        "N/A",
        "NaN",
        ".",
        "",
        " ",
        "NULL",
        "n.a.",
        "--",
        "?",
        "None",
        "missing",
        "<NA>",
        "see notes",
    ),
)
CODES = {
    "999": "missing",
    "-88": "not measured",
    "777": "Missing data",
    "-1": "not applicable",
    "99": "unknown",
}
"""Numbers that only a sidecar calls missing."""
COMMENTS = (
    *(
        '"twin" of another',
        '"restless',
        'says "no"',
        '5" taller than last year',
        "'tis fine",
        '""',
        "a;b, c|d",
    ),
    *('"', 'the "', '""quoted""', '"a", "b"', "O'Neill", "100 %", "=1+1", "# not a comment", "à côté"),
)
CONTROL_WORDS = (
    *("Typically developing", "Control", "healthy control", "TDC", "Typically Developing Children"),
    *("Healthy controls", "controls", "typically-developing"),
)
PATIENT_WORDS = {"1": "ADHD-Combined", "2": "ADHD-Hyperactive/Impulsive", "3": "ADHD-Inattentive"}
OTHER_WORDS = (
    *(
        "Impulse control disorder",
        "Atypical autism",
        "Combined trauma",
        "uncontrolled epilepsy",
        "Not typical",
    ),
    *("Neurotypical sibling of a patient", "Impulsive personality", "ADHD ruled out", "unhealthy"),
    *(
        "Not inattentive",
        "control (converted to ADHD)",
        "Hyperactive thyroid",
        "no control",
        "ADHD in remission?",
    ),
)
MEDICATION = {
    "never on medication": "never",
    "medication naive": "never",
    "on medication": "on",
    "not medication naive": "on",
    "no longer on medication": "on",
}
HANDS = {
    "left": "left",
    "Right": "right",
    "left-handed": "left",
    "right handed": "right",
    "not right-handed": "?",
}
SEXES = (
    {"female": "F", "male": "M"},
    {"female": "girl", "male": "boy"},
    {"female": "Female", "male": "Male"},
    {"female": "weiblich", "male": "männlich"},
    {"female": "w", "male": "m"},
)
SITES = ("Brownsville", "Oregon City", "Basel Neuro Image", "Old York", "Pittsfield", "Kennedy Space Center")
"""Places whose names hold parts of those of ADHD-200."""
LEVELS = (  # as the table writes patients and controls, and as the settings ask for them
    ("Yes", "No", ("Yes", "No")),
    ("yes", "no", ("Yes", "No")),
    ("YES", "NO", ("YES", "NO")),
    ("y", "n", ("y", "n")),
    ("1", "2", ("1.0", "2.0")),
    ("1.0", "0.0", ("1", "0")),
    ("01", "02", ("01", "02")),
    ("010", "020", ("010", "020")),
    ("ADHD", "HC", ("ADHD", "HC")),
    ("Patient", "Control", ("patient", "control")),
    ("on", "off", ("on", "off")),
    ("True", "False", ("true", "false")),
    ("TRUE", "FALSE", ("TRUE", "FALSE")),
    ("ADHD", "HC", None),
    ("case", "sibling", None),
)
VISITS = (
    *(("1", "2"), ("01", "02"), ("2", "10"), ("9", "10"), ("pre", "post"), ("baseline", "followup")),
    *(("baselineYear1Arm1", "2YearFollowUpYArm1"), ("M000", "M024"), ("screening", "baseline")),
    *(
        ("wave2", "wave10"),
        ("BL", "Y1"),
        ("T0", "T1"),
        ("V2", "V11"),
        ("6months", "12months"),
        ("wk0", "wk8"),
    ),
    *(("20190301", "20200415"), ("base", "fu1"), ("pretreatment", "posttreatment"), ("test", "retest")),
    *(("y0", "y2"), ("intake", "discharge"), ("before", "after"), ("first", "second"), ("A", "B")),
    *(
        ("visit9", "visit10"),
        ("initial", "final"),
        ("timepoint1", "timepoint2"),
        ("BAS1", "FU2"),
        ("m6", "m12"),
    ),
)
"""Two sessions of a study, the earlier first."""
UNDATED = (("verum", "placebo"), ("scannerB", "scannerA"), ("summer", "autumn"), ("2", "1"))
"""Sessions whose names do not say which was first, or say it amiss: sessions.tsv does."""
