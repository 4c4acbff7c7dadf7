"""The simulated dataset on disk."""

import nibabel as nib
import pytest

from adhd_cvae.errors import InputError
from adhd_cvae.io import file_checksum, read_json, read_tsv, write_json
from adhd_cvae.simulation.cohort import SimulationConfig
from pipelines.progress import Silent
from pipelines.stages import simulate

CONFIG = SimulationConfig(participants=8, resolution=8)


def checksums(folder):
    return {
        file.relative_to(folder).as_posix(): file_checksum(file)
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture(scope="module", autouse=True)
def quick_calibration():
    """Fewer brains to calibrate on: nothing here asks how strong the effects are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adhd_cvae.simulation.cohort.CALIBRATION_PARTICIPANTS", 8)
        yield


@pytest.fixture(scope="module")
def dataset(tmp_path_factory, quick_calibration):
    folder = tmp_path_factory.mktemp("simulated") / "bids"
    simulate.run(folder, CONFIG, Silent())
    return folder


def test_tables_maps_and_sidecars_are_there(dataset):
    participants = read_tsv(dataset / "participants.tsv")
    assert len(participants) == 8
    for name in participants["participant_id"]:
        maps = list((dataset / name / "anat").glob("*_label-GM_desc-modulated_probseg.nii.gz"))
        assert len(maps) == 1
        assert nib.load(maps[0]).get_fdata().max() > 0.5
    assert read_json(dataset / "participants.json")["sex"]["Levels"] == {"0": "female", "1": "male"}
    truth = read_tsv(dataset / "phenotype" / "simulated_truth.tsv")
    controls = participants["dx"] == 0
    assert (truth.loc[controls, "severity_striatal"] == 0).all()
    assert (truth.loc[~controls, "severity_striatal"] > 0).all()


def test_the_truth_is_in_no_other_table(dataset):
    for table in (dataset / "participants.tsv", dataset / "phenotype" / "adhd200.tsv"):
        assert not any("severity" in name for name in read_tsv(table))


def test_same_seed_same_bytes_and_another_seed_others(dataset, tmp_path):
    again = tmp_path / "again"
    simulate.run(again, CONFIG, Silent())
    assert checksums(again) == checksums(dataset)
    other = tmp_path / "other"
    simulate.run(other, CONFIG.model_copy(update={"seed": 1}), Silent())
    assert not {*checksums(other).values()} & {
        value for name, value in checksums(dataset).items() if name.endswith(".nii.gz")
    }


def test_an_interrupted_dataset_is_completed_and_other_settings_are_refused(tmp_path):
    folder = tmp_path / "bids"
    simulate.run(folder, CONFIG, Silent())
    whole = checksums(folder)
    next(folder.glob("sub-*/anat/*.nii.gz")).unlink()
    simulate.run(folder, CONFIG, Silent())
    assert checksums(folder) == whole
    with pytest.raises(InputError, match=r"participants = 8, now 10.*--overwrite"):
        simulate.run(folder, CONFIG.model_copy(update={"participants": 10}), Silent())
    assert checksums(folder) == whole


def test_a_folder_with_something_else_is_left_alone(tmp_path):
    (tmp_path / "precious.txt").write_text("data")
    with pytest.raises(InputError, match=r"adhd-cvae did not write \(precious.txt\)"):
        simulate.run(tmp_path, CONFIG, Silent(), overwrite=True)
    assert (tmp_path / "precious.txt").exists()


def test_head_size_and_further_sites_are_described(tmp_path, dataset):
    folder = tmp_path / "bids"
    simulate.run(folder, CONFIG.model_copy(update={"head_size_gap": 0.0, "sites": 9}), Silent())
    described = read_json(folder / "participants.json")
    assert described["tiv"]["Units"] == "ml"
    assert described["site"]["Levels"]["9"] == "Simulated site 9"
    assert read_tsv(folder / "participants.tsv")["tiv"].between(700, 2200).all()
    plain = read_json(dataset / "participants.json")
    assert "tiv" not in plain
    assert list(plain["site"]["Levels"]) == list("12345678")


def test_a_dataset_from_before_there_were_subtypes_is_still_ours(tmp_path):
    folder = tmp_path / "bids"
    simulate.run(folder, CONFIG, Silent())
    description = read_json(folder / "dataset_description.json")
    for setting in ("severities", "subtypes", "sites", "age_gap", "head_size_gap"):
        del description["Simulation"][setting]
    write_json(description, folder / "dataset_description.json")
    simulate.run(folder, CONFIG, Silent())
    for setting, then, now in (
        *(("subtypes", "0", 3), ("sites", "4", 5)),
        *(("age_gap", "0.0", 2.0), ("head_size_gap", "None", 0.0)),
    ):
        with pytest.raises(InputError, match=rf"{setting} = {then}, now {now}"):
            simulate.run(folder, CONFIG.model_copy(update={setting: now}), Silent())


def test_subtypes_are_described_with_the_truth(tmp_path):
    folder = tmp_path / "bids"
    simulate.run(folder, CONFIG.model_copy(update={"subtypes": 2}), Silent())
    truth = read_tsv(folder / "phenotype" / "simulated_truth.tsv")
    levels = read_json(folder / "phenotype" / "simulated_truth.json")["subtype"]["Levels"]
    assert set(truth["subtype"]) <= set(map(int, levels))
    assert list(levels) == ["0", "1", "2"]
