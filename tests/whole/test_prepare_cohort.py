"""Any lab's tables through prepare: what is understood, what is left out, and what is said about it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from nibabel.nifti1 import Nifti1Image
from nilearn.datasets import load_mni152_gm_template
from nilearn.image import resample_img, smooth_img

from adhd_cvae.errors import InputError
from adhd_cvae.io import read_json, read_tsv, write_tsv
from pipelines.cli import main
from pipelines.output_dir.paths import BidsInput, OutputPaths
from pipelines.output_dir.run import Run
from pipelines.recipes.loader import load_recipe
from pipelines.stages import prepare
from tests.shown import Shown

NAME = "sub-{0}/anat/sub-{0}_space-MNI152NLin2009cAsym_label-GM_probseg.nii.gz"
GRID = ("image.shape=[16, 16, 16]", "image.voxel_size=12")


@pytest.fixture(scope="module")
def template() -> Nifti1Image:
    affine = np.array([[-6.0, 0, 0, 90], [0, 6, 0, -126], [0, 0, 6, -72], [0, 0, 0, 1]])
    return resample_img(
        smooth_img(load_mni152_gm_template(resolution=2), 6),
        target_affine=affine,
        target_shape=(31, 37, 31),
        force_resample=True,
        copy_header=True,
    )


@pytest.fixture
def write_maps(template: Nifti1Image):
    def write(root: Path, names: list[str]) -> None:
        values, affine = template.get_fdata(), template.affine
        for seed, name in enumerate(names):
            path = root / NAME.format(name)
            path.parent.mkdir(parents=True)
            noise = 1 + 0.05 * np.random.default_rng(seed).standard_normal(values.shape)
            Nifti1Image((values * noise).clip(0).astype(np.float32), affine).to_filename(path)
        description = {"Name": "Invented", "BIDSVersion": "1.10.0", "DatasetType": "derivative"}
        (root / "dataset_description.json").write_text(json.dumps(description))

    return write


def write_table(path: Path, header: str, rows: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([header, *rows]).replace(" ", "\t") + "\n", encoding="utf-8")


def names(size: int) -> list[str]:
    return [f"{one:02d}" for one in range(1, size + 1)]


def people(size: int, site: str = "{0}") -> list[str]:
    """Patients at even places; sites 5 and 6 by turns of two; ages a year apart in pairs."""
    return [
        f"sub-{name} {site.format(5 + (row // 2) % 2)} {row % 2} {8 + row // 2 + 0.1 * (row % 2):.1f} {row // 4 % 2}"
        for row, name in enumerate(names(size))
    ]


HEADER = "participant_id site dx age sex"


@pytest.fixture
def study(tmp_path: Path, write_maps) -> BidsInput:
    write_maps(tmp_path / "bids", names(16))
    write_table(tmp_path / "bids/participants.tsv", HEADER, people(16))
    return BidsInput(tmp_path / "bids")


def prepared(
    source: BidsInput, folder: Path, *overrides: str, recipe: str = "adhd200"
) -> tuple[OutputPaths, Shown]:
    paths, told = OutputPaths(folder), Shown()
    prepare.run(Run(paths, load_recipe(recipe, (*GRID, *overrides)), told), source)
    return paths, told


def test_a_table_may_be_given_beside_the_dataset(tmp_path: Path, write_maps) -> None:
    write_maps(tmp_path / "bids", names(10))
    table = tmp_path / "elsewhere" / "mine.tsv"
    write_table(table, HEADER, people(10))
    source = BidsInput(tmp_path / "bids", tables=(table,))
    paths, told = prepared(source, tmp_path / "out")
    assert "phenotype from outside of BIDS_DIR: ../elsewhere/mine.tsv" in told.lines
    assert read_tsv(paths.cohort)["group"].tolist() == ["background", "target"] * 5
    assert prepared(source, tmp_path / "out")[1].lines == ["prepare: already done"]
    write_table(table, HEADER, people(8))
    assert (
        "prepare: ../elsewhere/mine.tsv changed since, doing it again"
        in prepared(source, tmp_path / "out")[1].lines
    )
    with pytest.raises(InputError, match=r"no participants\.tsv"):
        prepared(BidsInput(tmp_path / "bids"), tmp_path / "other")


def test_a_derivative_is_described_by_the_dataset_around_it(tmp_path: Path, write_maps) -> None:
    derivative = tmp_path / "raw/derivatives/segmentation"
    write_maps(derivative, names(10))
    write_table(tmp_path / "raw/participants.tsv", HEADER, people(10))
    paths, told = prepared(BidsInput(derivative), tmp_path / "out")
    assert "phenotype from outside of BIDS_DIR: ../../participants.tsv" in told.lines
    assert len(read_tsv(paths.cohort)) == 10
    assert (
        read_json(paths.cohort.with_suffix(".json"))["age"]["Origin"]
        == "column 'age' of ../../participants.tsv"
    )
    assert list(read_json(paths.provenance)["inputs"]) == ["../../participants.tsv"]
    assert prepared(BidsInput(derivative), tmp_path / "out")[1].lines == ["prepare: already done"]
    write_table(tmp_path / "raw/participants.tsv", HEADER, people(9))
    _, told = prepared(BidsInput(derivative), tmp_path / "out")
    assert told.lines[0] == "prepare: ../../participants.tsv changed since, doing it again"
    assert len(read_tsv(paths.cohort)) == 9


def test_a_derivative_with_tables_of_its_own_keeps_to_them(tmp_path: Path, write_maps) -> None:
    derivative = tmp_path / "raw/derivatives/segmentation"
    write_maps(derivative, names(8))
    write_table(derivative / "participants.tsv", HEADER, people(8))
    write_table(tmp_path / "raw/participants.tsv", "participant_id note", ["sub-01 other"])
    paths, _ = prepared(BidsInput(derivative), tmp_path / "out")
    assert "note" not in read_tsv(paths.cohort)
    assert read_json(paths.cohort.with_suffix(".json"))["age"]["Origin"] == "column 'age' of participants.tsv"


OTHER = """
name: other-study
cohort: {group: Status, target: [patient], background: [volunteer], site: scanner, match: [years, scanner]}
analysis:
  variables:
    - {name: years, scale: ratio}
    - {name: scanner, scale: nominal}
    - {name: severity, scale: ratio}
"""


def test_a_recipe_maps_the_columns_of_another_study(tmp_path: Path, write_maps) -> None:
    write_maps(tmp_path / "bids", names(12))
    rows = [
        f"{name};{'Patient' if row % 2 else 'volunteer'};{20 + row // 2};{'Skyra' if row % 4 < 2 else 'Prisma'}"
        for row, name in enumerate(names(12))
    ]
    (tmp_path / "bids/participants.tsv").write_text(
        "\n".join(["ID;Status;Years;Scanner", *rows, "13;relative;40;Skyra"])
    )
    (tmp_path / "other.yaml").write_text(OTHER)
    paths, told = prepared(
        BidsInput(tmp_path / "bids"), tmp_path / "out", recipe=str(tmp_path / "other.yaml")
    )
    cohort = read_tsv(paths.cohort)
    assert cohort.groupby(["scanner", "group"]).size().to_dict() == {
        (scanner, group): 3 for scanner in ("Prisma", "Skyra") for group in ("background", "target")
    }
    assert read_tsv(paths.exclusions)["reason"].tolist() == ["no_map"]
    assert told.warnings[0] == (
        "the analysis will do without severity: no such column (found: participant_id, image, group, status, years, "
        "scanner, image_choice)."
    )
    assert any(line.startswith("Skyra") for line in told.lines)


def test_disagreeing_tables_are_reported_and_settled_by_prefer(study: BidsInput, tmp_path: Path) -> None:
    other = study.folder / "phenotype/clinic.tsv"
    write_table(other, "participant_id sex", ["sub-01 1", "sub-02 0"])
    paths, told = prepared(study, tmp_path / "out")
    assert read_tsv(paths.conflicts)[["participant_id", "column", "value", "file"]].to_numpy().tolist() == [
        ["sub-01", "sex", 0, "participants.tsv"],
        ["sub-01", "sex", 1, "clinic.tsv"],
    ]
    assert "sub-01" not in set(read_tsv(paths.cohort)["participant_id"])
    assert any("disagree about 1 participants" in line and "--prefer" in line for line in told.warnings)
    settled = BidsInput(study.folder, prefer=other)
    paths, told = prepared(settled, tmp_path / "settled")
    assert read_tsv(paths.cohort).set_index("participant_id")["sex"]["sub-01"] == 1
    assert set(read_tsv(paths.conflicts)["used"]) == {"yes", "no"}
    assert any("settled by --prefer" in line for line in told.lines)
    assert not any("disagree" in line for line in told.warnings)


def test_conflicts_of_an_earlier_call_do_not_stay(study: BidsInput, tmp_path: Path) -> None:
    other = study.folder / "phenotype/clinic.tsv"
    write_table(other, "participant_id sex", ["sub-01 1"])
    paths, _ = prepared(study, tmp_path / "out")
    assert paths.conflicts.is_file()
    other.unlink()
    prepared(study, tmp_path / "out")
    assert not paths.conflicts.exists()


def test_balancing_is_recorded_and_holds_without_a_broken_map(study: BidsInput, tmp_path: Path) -> None:
    (study.folder / NAME.format("02")).write_bytes(b"broken")
    overrides = ("cohort.match=[age, site]", "cohort.caliper=0.1")
    paths, _ = prepared(study, tmp_path / "out", *overrides)
    cohort, exclusions = read_tsv(paths.cohort), read_tsv(paths.exclusions)
    # The patient sub-02 is the only match of the control sub-01.
    assert cohort["participant_id"].tolist() == [f"sub-{one}" for one in names(16)[2:]]
    assert exclusions[["participant_id", "stage"]].to_numpy().tolist() == [
        ["sub-02", "image"],
        ["sub-01", "balance"],
    ]
    assert np.load(paths.images, mmap_mode="r").shape[0] == 14
    settings = read_json(paths.provenance)["stages"]["prepare"]["settings"]
    assert settings["cohort.match"] == ["age", "site"]
    assert settings["cohort.max_ratio"] is None
    with pytest.raises(InputError, match=r"cohort\.max_ratio = None, now 2\.0"):
        prepared(study, tmp_path / "out", *overrides, "cohort.max_ratio=2")


def test_everybody_is_dealt_into_folds_and_other_folds_are_asked_for(
    study: BidsInput, tmp_path: Path
) -> None:
    paths, told = prepared(study, tmp_path / "out", "cohort.folds=4")
    folds = read_tsv(paths.folds)
    assert folds["participant_id"].tolist() == read_tsv(paths.cohort)["participant_id"].tolist()
    assert "split" not in read_tsv(paths.cohort)
    assert np.bincount(folds["fold"]).tolist() == [4] * 4
    assert "prepare: 16 participants, 8 patients and 8 controls" in told.lines
    assert "folds: 4, each of 2 patients and 2 controls, held out in turn" in told.lines
    assert not [line for line in told.warnings if "folds" in line]
    with pytest.raises(InputError, match=r"cohort\.folds = 4, now leave_site_out"):
        prepared(study, tmp_path / "out", "cohort.folds=leave_site_out")
    before = folds.assign(fold=folds["fold"] + 1)
    write_tsv(before, paths.folds)
    _, told = prepared(study, tmp_path / "out", "cohort.folds=4")
    assert told.warnings == ["folds.tsv was changed since prepare wrote it; it is used as it is"]
    pd.testing.assert_frame_equal(read_tsv(paths.folds), before)


def test_folds_may_be_sites_or_keep_families_together(study: BidsInput, tmp_path: Path) -> None:
    rows = [f"{row} F{place // 2 % 3}" for place, row in enumerate(people(16))]
    write_table(study.folder / "participants.tsv", f"{HEADER} family_id", rows)
    paths, _ = prepared(study, tmp_path / "sites", "cohort.folds=leave_site_out")
    site = read_tsv(paths.cohort)["site"]
    assert (read_tsv(paths.folds)["fold"] == site - 5).all()
    paths, told = prepared(study, tmp_path / "families", "cohort.fold_groups=family_id")
    together = read_tsv(paths.folds)["fold"].groupby(read_tsv(paths.cohort)["family_id"])
    assert together.nunique().tolist() == [1, 1, 1]
    assert read_tsv(paths.folds)["fold"].nunique() == 3
    assert (
        "cohort.folds is 5, but the smaller group can be held out in 3 parts only: 3 folds" in told.warnings
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (("cohort.folds=leave_site_out", "cohort.site=sex"), "sex"),
        (("cohort.fold_groups=family_id",), r"no column 'family_id' for cohort\.fold_groups"),
        (("cohort.minimum_group=9",), "8 participants in the target group; at least 9"),
    ],
)
def test_what_cannot_be_held_out_is_refused_before_a_map_is_read(
    study: BidsInput,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: tuple[str, ...],
    expected: str,
) -> None:
    if "cohort.site=sex" in settings:  # all patients at one "site"
        rows = [f"{row.rsplit(' ', 1)[0]} {place % 2}" for place, row in enumerate(people(16))]
        write_table(study.folder / "participants.tsv", HEADER, rows)
        expected = r"without site 0, 0 of the background group.*--set cohort\.folds=5"
    monkeypatch.setattr("adhd_cvae.images.cache.prepare_images", None)
    with pytest.raises(InputError, match=expected):
        prepared(study, tmp_path / "out", *settings)
    with pytest.raises(InputError, match=expected):
        prepare.preview(Run(OutputPaths(tmp_path / "out"), load_recipe("adhd200", settings), Shown()), study)


def test_the_summary_fits_a_terminal_and_names_what_is_not_identified(
    study: BidsInput, tmp_path: Path
) -> None:
    rows = people(16)
    rows = [row.replace(" 6 1 ", " 5 1 ") for row in rows]
    write_table(study.folder / "participants.tsv", HEADER, rows)
    paths, told = prepared(study, tmp_path / "out")
    start = next(place for place, line in enumerate(told.lines) if line.startswith("Site and group"))
    summary = [line for line in told.lines[start:] if not line.startswith("All of it: ")]
    assert max(map(len, summary)) < 80
    text = " ".join(" ".join(summary).split())
    assert "site 6 has controls only (4 participants)" in text
    assert "what it adds to any contrast of the groups cannot be told" in text
    assert "Cramér's V" in text
    table = read_tsv(paths.confounding)
    assert {"count", "mean", "missing", "cramers_v", "difference"} <= set(table["statistic"])
    assert read_json(paths.confounding.with_suffix(".json"))["value"]


def test_the_results_name_their_source(study: BidsInput, tmp_path: Path) -> None:
    path = study.folder / "dataset_description.json"
    description = json.loads(path.read_text()) | {"Authors": ["A. Body"], "DatasetDOI": "doi:10.1/x"}
    path.write_text(json.dumps(description))
    paths, _ = prepared(study, tmp_path / "out dir")
    said = read_json(paths.description)
    assert said["SourceDatasets"] == [{"URL": "../bids", "DOI": "doi:10.1/x"}]
    assert said["Authors"] == ["A. Body"]
    assert (paths.cache / "index.json").is_file()


def test_no_site_column_of_the_default_name_is_a_warning(study: BidsInput, tmp_path: Path) -> None:
    write_table(study.folder / "participants.tsv", "participant_id place dx age sex", people(16, "P{0}"))
    # Whether to permute freely is not for prepare to decide, but it asks before training, not after.
    with pytest.raises(
        InputError,
        match=r"'site' for .* --set analysis\.permute_within=null --set cohort\.site=null to permute freely",
    ):
        prepared(study, tmp_path / "out")
    freely = "analysis.permute_within=null"
    paths, told = prepared(study, tmp_path / "out", freely)
    assert told.warnings[0].startswith(
        "no column 'site' (found: participant_id, image, group, sex, age, dx, place"
    )
    assert "cramers_v" not in set(read_tsv(paths.confounding)["statistic"])
    paths, told = prepared(study, tmp_path / "named", freely, "cohort.site=place")
    assert "cramers_v" in set(read_tsv(paths.confounding)["statistic"])
    assert not any("'site'" in line for line in told.warnings if "do without" not in line)


def _no_table(root: Path) -> None:
    (root / "participants.tsv").unlink()


def _no_maps(root: Path) -> None:
    for name in names(16):
        (root / NAME.format(name)).unlink()


def _all_broken(root: Path) -> None:
    for name in names(16):
        (root / NAME.format(name)).write_bytes(b"")


def _empty_table(root: Path) -> None:
    (root / "participants.tsv").write_text("")


def _as_it_is(root: Path) -> None:
    assert root.is_dir()


@pytest.mark.parametrize(
    ("spoil", "override", "lines", "says"),
    [
        (_no_table, "", 1, "no participants.tsv and no phenotype/*.tsv"),
        (_empty_table, "", 1, "participants.tsv"),
        (_no_maps, "", 1, "no participant is left (no_map 16). Recognised maps"),
        (_all_broken, "", 17, "nothing is left to work on"),
        (_as_it_is, "cohort.group=Status", 1, "no column 'Status' (found: site, sex, age, dx)"),
        (_as_it_is, "cohort.target=[9]", 1, "nobody in the target group"),
        (
            _as_it_is,
            "cohort.site=scanner",
            1,
            "no column 'scanner' for cohort.site (found: participant_id, image",
        ),
        (
            _as_it_is,
            "analysis.permute_within=place",
            1,
            "no column 'place' for analysis.permute_within (found: ",
        ),
        (
            _as_it_is,
            "cohort.match=[iq]",
            1,
            "cohort.match names 'iq', which the phenotype does not have (found: ",
        ),
        (_as_it_is, "cohort.max_ratio=0.5", 1, "cohort.max_ratio is 0.5; "),
        (_as_it_is, "cohort.drop_one_group_site=true", 1, "Did you mean 'cohort.drop_one_group_sites'?"),
    ],
)
def test_what_cannot_be_prepared_is_one_line_each(
    study: BidsInput,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    spoil,
    override: str,
    lines: int,
    says: str,
) -> None:
    spoil(study.folder)
    settings = [part for one in (*GRID, override) if one for part in ("--set", one)]
    with pytest.raises(SystemExit) as stop:
        main.main(["prepare", str(study.folder), str(tmp_path / "out"), *settings])
    assert stop.value.code == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("adhd-cvae: ")]
    assert len(errors) == lines
    assert says in errors[-1]
    assert "Traceback" not in "".join(errors)
