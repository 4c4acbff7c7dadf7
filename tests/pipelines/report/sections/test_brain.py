"""Where in the brain: tables, sentences and pictures."""

import json
import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd

from adhd_cvae.io import read_json, read_tsv
from pipelines.output_dir.results import Results
from pipelines.report.sections import brain
from tests.pipelines.report.invented_report import Page
from tests.pipelines.whole_tables import write_whole


def test_peaks_and_components_are_shown(page: Page) -> None:
    assert re.search(r"1 1\.5, −9\.0, 3\.0 −0\.125 −5\.5 2700 Putamen", page.text)
    assert re.search(r"WashU 10 0\.32 0\.60 0\.45 0\.92 0\.32", page.text)


def test_the_groups_are_compared_and_the_models_difference_stands_beside_it_without_p(page: Page) -> None:
    assert "Of 704 voxels 430 differ between patients and controls (60 participants" in page.text
    assert "site and age held constant" in page.text
    assert "least p 0.004" in page.text
    assert "between folds with cosine 0.93; 88 % of voxels have the same sign in all folds" in page.text
    assert "no voxels vary with ADHD battery, PC1 (least p 0.200)" in page.text
    decoded = page.text[page.text.index("The model's own difference has no p-value") :]
    assert "least p" not in decoded[: decoded.index("the model's word alone")]


def shown(folder: Path, **values: object) -> str:
    """The paragraphs where the row of the groups holds these values."""
    file = folder / "analysis/group_maps.tsv"
    table = read_tsv(file).astype(object)
    for column, value in values.items():
        table.loc[0, column] = value
    write_whole(table, file)
    return " ".join(brain.sentences(Results(folder)) or [])


def test_what_the_test_of_the_groups_found_is_put_in_words(folder: Path) -> None:
    assert "Of 704 voxels 1 differ" in shown(folder, significant=1)
    assert "No voxel differs between patients and controls" in shown(folder, significant=0, p_value=0.4)
    assert "nothing held constant" in shown(folder, covariates=None)
    nothing = shown(folder, significant=None, p_value=None, note="no maps in cache/")
    assert "were not compared voxel by voxel: no maps in cache/." in nothing
    assert "differ" not in nothing[: nothing.index("The model's own difference has")]
    (folder / "analysis/group_maps.tsv").unlink()
    assert brain.sentences(Results(folder)) is None


def test_folds_that_are_not_known_are_no_agreement(folder: Path) -> None:
    table = read_tsv(folder / "analysis/group_maps.tsv").astype({"note": object})
    table.loc[1, ["cosine", "sign_agreement", "note"]] = [None, None, "in sample or unknown"]
    write_whole(table, folder / "analysis/group_maps.tsv")
    words = " ".join(brain.sentences(Results(folder)) or [])
    assert "is not known (in sample or unknown)" in words
    assert "cosine" not in words


def test_the_models_difference_is_shown_where_folds_agree(folder: Path) -> None:
    whole = Results(folder).decoded_difference()
    half = np.zeros(whole.shape, np.float32)
    half[:6] = 1
    agreement = nib.Nifti1Image(half, whole.affine)
    agreement.to_filename(folder / "maps/space-MNI_desc-salientEffectAgreement_map.nii.gz")
    np.testing.assert_array_equal(Results(folder).decoded_difference().get_fdata(), half * whole.get_fdata())
    plot = {picture.name: picture.plot for picture in brain.SECTION.pictures}["effect_map"]
    assert plot(Results(folder)).texts[0].get_text() == "where all folds agree on the sign; no test"


def test_where_nothing_differs_the_brain_is_bare(folder: Path) -> None:
    plot = {picture.name: picture.plot for picture in brain.SECTION.pictures}["group_test"]
    figure = plot(Results(folder))
    assert [text.get_text() for text in figure.texts] == ["corrected p < 0.05"]
    for file in (folder / "maps").glob("*groupP*"):
        image = nib.load(file)
        nib.Nifti1Image(np.ones(image.shape, np.float32), image.affine).to_filename(file)
    assert [text.get_text() for text in plot(Results(folder)).texts] == ["no voxel has a corrected p < 0.05"]


def test_only_the_first_peaks_are_on_the_page(folder: Path) -> None:
    peaks = pd.concat([read_tsv(folder / "analysis/peaks.tsv")] * 11)
    write_whole(peaks, folder / "analysis/peaks.tsv")
    table = brain.SECTION.tables[0](Results(folder))
    assert table is not None
    assert table.size == 20
    assert "The first 20 of 22; all are in analysis/peaks.tsv." in table.caption


def test_peaks_are_captioned_with_the_size_that_was_asked_for(folder: Path) -> None:
    run = read_json(folder / "run.json")
    run["recipe"].setdefault("analysis", {})["maps"] = {"cluster_voxels": 7}
    (folder / "run.json").write_text(json.dumps(run))
    table = brain.SECTION.tables[0](Results(folder))
    assert table is not None
    assert "clusters of at least 7 voxels" in table.caption


def test_nothing_is_plotted_without_maps(tmp_path: Path) -> None:
    assert [picture.plot(Results(tmp_path)) for picture in brain.SECTION.pictures] == [None] * 7
