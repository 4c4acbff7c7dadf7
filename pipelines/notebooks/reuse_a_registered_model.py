# %% [markdown]
"""
# Reuse a registered model

A model in the registry needs a list of maps and nothing else: neither the cohort nor the recipe it was trained with.
`adhd-cvae demo` makes the registry that is read here.
"""

# %%
from pathlib import Path

import mlflow
import pandas as pd

from adhd_cvae.files import read_tsv

demo = Path("demo").resolve()
mlflow.set_tracking_uri(f"sqlite:///{demo}/derivatives/mlflow.db")
model = mlflow.pyfunc.load_model("models:/adhd-cvae@champion")

# %% [markdown]
"""
Gray-matter maps in MNI space, of any grid, made by the same pipeline as those it was trained on.
"""

# %%
maps = sorted(demo.glob("bids/**/*_label-GM_*probseg.nii.gz"))[:6]
codes = model.predict(pd.DataFrame({"image": [str(path) for path in maps]}))
print(codes.filter(regex=r"^[sz]_\d+$").round(2))

# %% [markdown]
"""
How sure is it, and is this a map of the kind that it knows? `distance` is about 1 for one that is. A flag is a reason
to look at the map; no flag is no proof that all is well.
"""

# %%
print(codes[["s_00", "s_00_sd", "distance", "out_of_distribution"]].round(2))

# %% [markdown]
"""
The same people have the same codes as on the day of training.
"""

# %%
latents = read_tsv(demo / "derivatives" / "adhd-cvae" / "latents.tsv").set_index("participant_id")
people = [path.name.split("_")[0] for path in maps]
difference = codes["s_00"].to_numpy() - latents.loc[people, "s_00"].to_numpy()
print(f"largest difference: {abs(difference).max():.1e}")
