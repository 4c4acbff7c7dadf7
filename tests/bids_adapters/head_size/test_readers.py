"""One report's numbers: volumes and no ratings, nothing from a file that could be an attack."""

from pathlib import Path

import pytest

from adhd_cvae.errors import ImageError, InputError
from bids_adapters.head_size.readers import read_report, volume
from tests.bids_adapters.head_size.invented_reports import aseg, cat12, seg8, tissue, written


def test_cat12_gives_volume_and_quality_and_no_rating(tmp_path: Path) -> None:
    assert read_report(cat12(tmp_path / "cat_a.xml"), "cat12") == {"tiv": 1500.5, "iqr": 2.25}
    assert read_report(cat12(tmp_path / "cat_b.xml", "[1500.5]"), "cat12")["tiv"] == 1500.5
    rating = "<S><subjectratings><vol_TIV>1.5</vol_TIV></subjectratings></S>"
    assert read_report(written(tmp_path / "cat_c.xml", rating), "cat12") == {}
    assert "tiv" not in read_report(cat12(tmp_path / "cat_d.xml", "NaN"), "cat12")


def test_an_older_report_of_cat12_has_them_elsewhere(tmp_path: Path) -> None:
    text = "<S><QAS><SM><vol_TIV>1300</vol_TIV></SM></QAS><QAM><SM><vol_TIV>2</vol_TIV></SM></QAM></S>"
    assert read_report(written(tmp_path / "cat_a.xml", text), "cat12") == {"tiv": 1300}


ENTITY = "<!DOCTYPE S [<!ENTITY v '1400'>]><S><subjectmeasures><vol_TIV>&v;</vol_TIV></subjectmeasures></S>"


OUTSIDE = "<!DOCTYPE S SYSTEM 'http://localhost/s.dtd'><S/>"


@pytest.mark.parametrize("text", [ENTITY, f"<?a <!--?>{ENTITY}<?b -->?>", OUTSIDE])
def test_a_report_with_an_entity_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"cat_a\.xml declares a document type or entities"):
        read_report(written(tmp_path / "cat_a.xml", text), "cat12")


def test_no_other_encoding_hides_an_entity(tmp_path: Path) -> None:
    path = tmp_path / "cat_a.xml"
    path.write_bytes(ENTITY.encode("utf-16"))
    with pytest.raises(InputError, match=r"cat_a\.xml cannot be read"):
        read_report(path, "cat12")


def test_freesurfer_gives_cubic_millimetres(tmp_path: Path) -> None:
    assert read_report(aseg(tmp_path / "aseg.stats"), "freesurfer") == {"tiv": pytest.approx(1400.0005)}
    assert (
        read_report(written(tmp_path / "other.stats", "# Measure BrainSeg, x, y, 5, mm^3\n"), "freesurfer")
        == {}
    )


def test_spm_gives_the_sum_of_the_first_three_litres_where_they_were_measured(tmp_path: Path) -> None:
    assert read_report(seg8(tmp_path / "a_seg8.mat"), "spm") == {"tiv": pytest.approx(1500)}
    assert read_report(seg8(tmp_path / "b_seg8.mat", None), "spm") == {}
    with pytest.raises(
        InputError, match=r"c_seg8\.mat cannot be read \(volumes\.litres is not three numbers"
    ):
        read_report(seg8(tmp_path / "c_seg8.mat", (0.7, 0.5)), "spm")


@pytest.mark.parametrize("tool", ["cat12", "spm"])
def test_what_is_no_report_is_named(tmp_path: Path, tool: str) -> None:
    with pytest.raises(InputError, match=r"a\.xml cannot be read"):
        read_report(written(tmp_path / "a.xml", "MATLAB? <S>"), tool)
    with pytest.raises(InputError, match="is no file"):
        read_report(tmp_path, tool)
    (tmp_path / "link.xml").symlink_to("../.git/annex/objects/aa/key")
    with pytest.raises(InputError, match=r"datalad get link\.xml"):
        read_report(tmp_path / "link.xml", tool)


def test_a_volume_is_the_sum_times_the_voxels_volume(tmp_path: Path) -> None:
    map_of_ones = tissue(tmp_path / "a.nii.gz", 1.0, (10.0, -5.0, 2.0))
    assert volume(map_of_ones) == pytest.approx(999.5 * 100 / 1000)
    with pytest.raises(ImageError):
        volume(written(tmp_path / "b.nii", "none"))
