"""Codes of further maps from the registered model; trains nothing. Run `make demo` first, or name your store."""

# %% [markdown]
# # Reuse a registered model
# The model brings its own resampling and smoothing: paths of maps in MNI space are all it needs.

# %%
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
from mlflow.artifacts import download_artifacts
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline

from adhd_cvae import ContrastiveModel
from adhd_cvae.io import read_tsv

bids_dir, out = Path("demo/bids"), Path("demo/derivatives/adhd-cvae")
mlflow.set_tracking_uri(f"sqlite:///{out.parent / 'mlflow.db'}")
model = mlflow.pyfunc.load_model("models:/adhd-cvae@champion")

# %% [markdown]
# One row for each map. `distance` is 1 on average where it was trained; a flagged map is one to look at.

# %%
cohort = read_tsv(out / "cohort.tsv")
maps = pd.DataFrame({"image": [str(bids_dir / image) for image in cohort["image"]]})
codes = model.predict(maps.head(8))
print(codes[["s_00", "s_01", "distance", "out_of_distribution"]].round(3))

# %% [markdown]
# The same numbers as the run's own.

# %%
own = read_tsv(out / "latents.tsv").head(8)
salient = [name for name in own if str(name).startswith("s_")]
difference = np.abs(codes[salient].to_numpy() - own[salient].to_numpy()).max()
print(f"largest difference from latents.tsv: {difference:.1e}")

# %% [markdown]
# The same model as an estimator of scikit-learn, frozen in a pipeline that is asked for ages it has not met.

# %%
place = Path(download_artifacts("models:/adhd-cvae@champion"))
estimator = ContrastiveModel.load(place / "artifacts")
line = make_pipeline(FrozenEstimator(estimator), RidgeCV(np.logspace(-2, 4, 13)))
ages = np.asarray(cross_val_predict(line, maps, cohort["age"], cv=4), float)
print(f"r of ages read from s and z: {np.corrcoef(ages, cohort['age'])[0, 1]:.2f}")
