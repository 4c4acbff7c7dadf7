"""import-burner as a verb: what it shows of an import."""

import nibabel as nib
import numpy as np

from pipelines.stages import import_burner
from tests.shown import Shown

AFFINE = np.diag([-1.5, 1.5, 1.5, 1.0])


def test_it_says_how_many_came_and_why_the_others_did_not(tmp_path):
    maps, table, bids, shown = tmp_path / "maps", tmp_path / "phenotype.csv", tmp_path / "bids", Shown()
    maps.mkdir()
    for number in (9001, 9002, 9003, 9004):
        values = np.full((4, 5, 6), number / 1e4, np.float32)
        nib.Nifti1Image(values, AFFINE).to_filename(maps / f"mwrc1{number:07d}.nii")
    table.write_text("ScanDir ID,Site,Gender,Age,DX\n9001,5,1,10.5,1\n9002,5,0,11,0\n")
    import_burner.run(maps, bids, [table], None, shown)
    assert shown.lines == [f"import-burner: 2 participants in {bids}"]
    (warning,) = shown.warnings
    assert warning.startswith("left out: 2 ")
    assert warning.endswith(f"see {bids / 'import_exclusions.tsv'}")

    shown = Shown()
    table.write_text(table.read_text() + "9003,1,1,9,3\n9004,1,0,8,0\n")
    import_burner.run(maps, tmp_path / "whole", [table], None, shown)
    assert not shown.warnings
