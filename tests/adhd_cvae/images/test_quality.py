import numpy as np
import pytest
from nilearn.datasets import load_mni152_gm_template, load_mni152_template, load_mni152_wm_template

from adhd_cvae.config import ImageConfig
from adhd_cvae.errors import ImageError
from adhd_cvae.images.quality import check_map, compare
from adhd_cvae.images.resampling import to_grid
from adhd_cvae.simulation.cohort import SimulatedCohort, SimulationConfig

GRID = ImageConfig()


@pytest.fixture(scope="module")
def cohort():
    """Brains with four times the loss of a usual patient."""
    return SimulatedCohort(SimulationConfig(participants=16, resolution=3, cohens_d=3.0, seed=4))


def on_grid(values, affine, image=GRID):
    return to_grid(np.asarray(values, dtype=np.float32), affine, image, image.fwhm)


def moved(affine, x=0, y=0, z=0):
    shift = np.eye(4)
    shift[:3, 3] = x, y, z
    return shift @ affine


def scaled(affine, *factors):
    return np.diag([*factors, 1.0]) @ affine


def turned(affine, degrees):
    """Nod the head."""
    angle = np.deg2rad(degrees)
    rotation = np.eye(4)
    rotation[1:3, 1:3] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return rotation @ affine


@pytest.mark.parametrize("fwhm", [0.0, 6.0, 12.0])
def test_varied_brains_pass_with_a_margin(cohort, fwhm):
    image = GRID.model_copy(update={"fwhm": fwhm})
    for index in range(6):
        volume = on_grid(cohort.map(index), cohort.affine, image)
        check_map(volume, image, "map")
        correlation, offset = compare(volume, image)
        assert correlation > GRID.min_template_correlation + 0.1
        assert offset < GRID.max_offset / 2


def test_a_coarse_grid_is_no_reason_to_refuse(cohort):
    image = ImageConfig(shape=(16, 20, 16), voxel_size=12.0)
    volume = on_grid(cohort.map(0), cohort.affine, image)
    check_map(volume, image, "map")
    assert compare(volume, image)[0] > image.min_template_correlation


MISPLACED = {
    "back to front": lambda affine: scaled(affine, 1, -1, 1),
    "back to front, centred": lambda affine: moved(scaled(affine, 1, -1, 1), y=-34),
    "upside down": lambda affine: scaled(affine, 1, 1, -1),
    "upside down, centred": lambda affine: moved(scaled(affine, 1, 1, -1), z=14),
    "on its side": lambda affine: affine[[1, 2, 0, 3]],
    "30 mm off": lambda affine: moved(affine, 20, 20, 10),
    "15 mm off": lambda affine: moved(affine, y=15),
    "nodding": lambda affine: turned(affine, 35),
    "native size and place": lambda affine: moved(turned(scaled(affine, 0.88, 0.86, 0.88), 12), 3, 12, -15),
}


@pytest.mark.parametrize("place", MISPLACED.values(), ids=MISPLACED)
def test_misplaced_brains_are_refused_with_what_was_found(cohort, place):
    for index in range(3):
        volume = on_grid(cohort.map(index), place(cohort.affine))
        with pytest.raises(ImageError, match=r"correlates .* expected at least 0\.5") as refused:
            check_map(volume, GRID, "map.nii")
        assert refused.value.reason == "not_in_template_space"
        assert refused.value.detail.startswith("map.nii ")


def test_a_mirrored_brain_cannot_be_seen(cohort):
    """Template and brains are symmetric: the documentation says so, and this is what it relies on."""
    volume = on_grid(cohort.map(0), cohort.affine)
    mirrored = on_grid(cohort.map(0), scaled(cohort.affine, -1, 1, 1))
    assert compare(volume, GRID) == pytest.approx(compare(mirrored, GRID), abs=0.1)
    check_map(mirrored, GRID, "map")


OTHER = {"T1-weighted": load_mni152_template, "white matter": load_mni152_wm_template}


@pytest.mark.parametrize("load", OTHER.values(), ids=OTHER)
def test_other_tissue_is_refused(load):
    image = load(resolution=3)
    with pytest.raises(ImageError) as refused:
        check_map(on_grid(image.get_fdata(), image.affine), GRID, "map")
    assert refused.value.reason == "not_in_template_space"


def test_noise_and_a_contrast_map_are_refused(cohort):
    noise = np.random.default_rng(0)
    for values, reason in (
        (noise.random((60, 70, 60)), "not_in_template_space"),
        (-cohort.map(0), "negative_values"),
        (cohort.map(0) - cohort.map(1), "negative_values"),
    ):
        with pytest.raises(ImageError) as refused:
            check_map(on_grid(values, cohort.affine), GRID, "map")
        assert refused.value.reason == reason


def test_a_heavy_half_is_off_centre():
    image = load_mni152_gm_template(resolution=3)
    values = image.get_fdata() * np.linspace(0, 1, image.shape[0])[:, None, None] ** 3
    lenient = GRID.model_copy(update={"min_template_correlation": 0.0})
    with pytest.raises(ImageError, match="max_offset") as refused:
        check_map(on_grid(values, image.affine), lenient, "map")
    assert refused.value.reason == "off_centre"


def test_thresholds_can_be_switched_off(cohort):
    volume = on_grid(cohort.map(0), scaled(cohort.affine, 1, -1, 1))
    open_door = GRID.model_copy(update={"min_template_correlation": None, "max_offset": None})
    check_map(volume, open_door, "map")
    with pytest.raises(ImageError, match="no gray matter"):
        check_map(np.zeros(GRID.shape, np.float32), open_door, "map")
