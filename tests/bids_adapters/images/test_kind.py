import pytest

from bids_adapters.images.kind import Kind, contrast_of, kernel_of, read_entities, space_of, variant_of

BEST = Kind("CAT12", "template", "modulated")


@pytest.mark.parametrize(
    ("text", "cohort", "space"),
    [
        ("MNIPediatricAsym+3", "", "MNIPediatricAsym:cohort-3"),
        ("MNIPediatricAsym", "03", "MNIPediatricAsym:cohort-3"),
        ("MNIInfant+11", "", "MNIInfant:cohort-11"),
        ("mni152nlin2009casym", "", "MNI152NLin2009cAsym"),
        ("Ixi549Space", "", "IXI549Space"),
    ],
)
def test_spaces_have_one_spelling(text: str, cohort: str, space: str) -> None:
    assert space_of(text, cohort) == space
    assert Kind("BIDS probseg", space).in_template_space


@pytest.mark.parametrize("space", ["native", "T1w", "fsnative", "scanner"])
def test_native_spaces(space: str) -> None:
    assert not Kind("BIDS probseg", space).in_template_space


@pytest.mark.parametrize(
    ("words", "contrast"),
    [(["T1w"], "t1w"), (["MPRAGE"], "t1w"), ([], "t1w"), (["T1w", "FLAIR"], "flair"), (["T2"], "t2w")],
)
def test_contrasts(words: list[str], contrast: str) -> None:
    assert contrast_of(words) == contrast


def test_kernels_and_entities_have_one_spelling() -> None:
    assert {kernel_of(text) for text in ("8", "08", "8mm", "smooth8")} == {"8 mm"}
    assert kernel_of("") == "unknown kernel"
    entities, words = read_entities("sub-01_ses-2_rec-NORM_res-01_T1w_defaced")
    assert variant_of(entities, words) == "rec-norm res-1 defaced"


@pytest.mark.parametrize(
    "other",
    [
        Kind("CAT12", "template", "modulated", contrast="flair"),
        Kind("CAT12", "template", "unmodulated"),
        Kind("CAT12", "template", "modulated for the non-linear part"),
        Kind("CAT12", "template", "modulated", smoothing="6 mm"),
        Kind("CAT12", "MNIPediatricAsym:cohort-3", "modulated"),
        Kind("CAT12", "template", "modulated", stream="longitudinal"),
        Kind("CAT12", "template", "modulated", variant="rec-norm"),
        Kind("SPM", "template", "modulated"),
    ],
)
def test_the_preferred_kind(other: Kind) -> None:
    assert BEST.preference < other.preference


def test_a_kind_says_what_it_is() -> None:
    kind = Kind(
        "SPM",
        "template",
        "modulated",
        "8 mm",
        "flair",
        "longitudinal",
        "dartel",
        "rec-norm",
        "spm",
    )
    assert kind.describe() == (
        "SPM, space template, modulated, smoothed (8 mm), of the FLAIR, longitudinal, dartel, rec-norm, in spm"
    )
