import numpy as np
import pandas as pd
import pytest

from adhd_cvae.cohort.table import validate_cohort
from adhd_cvae.errors import InputError
from tests.adhd_cvae.cohort.test_split import participants


def test_validation_names_what_is_wrong():
    good = participants({("target", 1): 2, ("background", 1): 2}).assign(image="x.nii.gz", split="train")
    assert validate_cohort(good) is good
    with pytest.raises(InputError, match="no column 'image'"):
        validate_cohort(good.drop(columns="image"))
    with pytest.raises(InputError, match="'patient'; expected background or target"):
        validate_cohort(good.assign(group="patient"))
    with pytest.raises(InputError, match="twice"):
        validate_cohort(pd.concat([good, good.iloc[:1]]))
    assert np.array_equal(good["split"].unique(), ["train"])
