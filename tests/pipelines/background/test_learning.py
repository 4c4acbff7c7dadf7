"""A reference of maps, over the voxels that are gray matter in their mean."""

import numpy as np
import pandas as pd

from adhd_cvae.models.reference_background import fit_reference
from pipelines.background.learning import learnt
from pipelines.output_dir.paths import OutputPaths
from pipelines.output_dir.run import Run
from pipelines.progress import Silent
from pipelines.recipes.loader import load_recipe


def test_maps_are_learnt_within_sites_over_the_mask(tmp_path):
    images = 0.5 + 0.1 * np.random.default_rng(1).standard_normal((12, 3, 3, 3))
    images[:, 0] = 0.05
    sites = ["A", "B"] * 6
    run = Run(OutputPaths(tmp_path), load_recipe("smoke", ("reference.most_axes=4",)), Silent())
    reference, moments = learnt(run, images, pd.DataFrame({"site": sites}))
    expected = fit_reference(images.reshape(12, -1), sites, columns=np.arange(9, 27), most_axes=4)
    assert reference.checksum == expected.checksum
    assert moments.gram.shape == (12, 12)
    assert not list(tmp_path.iterdir())
