"""What is counted of a real table, on an invented one, and that maps of its people hold what was asked."""

import numpy as np
import pandas as pd
import pytest

from adhd_cvae.simulation.cohort import SimulationConfig
from tests.validation.real_table import AtTheirSites, identified


def invented(count: int = 40) -> pd.DataFrame:
    """Two sites with both groups and one of controls; one participant's sex is unknown."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "participant_id": [f"sub-{number}" for number in range(count)],
            "site": np.repeat([1, 3, 7, 7], count // 4),
            "age": np.round(rng.uniform(8, 18, count), 2),
            "sex": pd.array([None, *rng.integers(0, 2, count - 1)], dtype="Int64"),
            "dx": np.where(np.repeat([1, 3, 7, 7], count // 4) == 7, 0, np.arange(count) % 2),
        }
    )
    return table.assign(group=np.where(table["dx"] > 0, "target", "background"))


def test_a_contrast_is_that_of_sites_with_both_groups() -> None:
    found = identified(invented())
    assert found["compared"] == {"background": 10, "target": 10}
    assert found["as precise as"] == 20
    assert found["sites"]["7"] == {"background": 20, "target": 0}
    assert found["explained"]["site"] == pytest.approx(1 / 3)  # of 3/16, half of the people keep 1/4
    assert found["site from age and sex"].keys() == {"target", "background"}
    assert found["explained"]["site, age and sex"] > found["explained"]["site"]


def test_maps_of_patients_alone_depend_on_what_is_planted() -> None:
    config = SimulationConfig(seed=100, resolution=8, cohens_d=2)
    planted, plain = (
        AtTheirSites(one, invented()) for one in (config, config.model_copy(update={"cohens_d": 0}))
    )
    loss = [float(np.abs(planted.map(row) - plain.map(row)).max()) for row in range(4)]
    assert loss[0] == loss[2] == 0
    assert min(loss[1], loss[3]) > 0.01
    assert (planted.truth["severity_striatal"] > 0).tolist() == (invented()["dx"] > 0).tolist()
    elsewhere = AtTheirSites(config, invented().assign(site=5))
    assert np.abs(elsewhere.map(0) - plain.map(0)).max() > 0.01
