"""From a BIDS dataset to a trained model and codes, step by step. Run `make demo` first, or name your dataset."""

# %% [markdown]
# # Train on a cohort
# `adhd-cvae run` does all of this and more. Here every step can be looked at and changed.

# %%
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from adhd_cvae import ContrastiveModel
from adhd_cvae.cohort.folds import deal_folds
from adhd_cvae.images.cache import open_images, prepare_images
from bids_adapters import build_cohort
from pipelines.recipes.loader import load_recipe

bids_dir, folder = Path("demo/bids"), Path("demo/notebook")
# Two epochs of a tiny network, to see it work. For results worth reading: "demo", or "adhd200" for your own data.
recipe = load_recipe("smoke")

# %% [markdown]
# Who is in, and why the others are not. Nobody is left out without a line.

# %%
found = build_cohort(bids_dir, recipe.cohort)
print(found.table["group"].value_counts())
print(found.exclusions.groupby(["stage", "reason"]).size())

# %% [markdown]
# Every map is resampled once into a cache. A map that cannot be used comes back as an error.

# %%
maps = [bids_dir / image for image in found.table["image"]]
errors = prepare_images(maps, recipe.image, folder / "cache", lambda done, total: None)
usable = np.flatnonzero([error is None for error in errors])
cohort = found.table.iloc[usable].reset_index(drop=True)
images = open_images(folder / "cache")

# %% [markdown]
# A model is asked about those it has not met: everybody is held out once. Here the first fold is, and its codes alone
# are plotted. `fit` takes maps as an array, NIfTI files, or a table of files; what goes wrong in training is a warning.

# %%
folds = deal_folds(cohort, recipe.cohort.folds, recipe.seed, recipe.cohort.site)
held_out = (folds == 0).to_numpy()
patients = (cohort["group"] == "target").to_numpy()
model = ContrastiveModel.from_recipe(recipe)
model.fit(images[~held_out], patients[~held_out], sites=cohort["site"][~held_out])
print(model.training_.history.tail(), model.training_.earned, sep="\n")
model.save(folder / "model")

# %%
codes = ContrastiveModel.load(folder / "model").transform(images)
for name, rows in (("patients", patients & held_out), ("controls", ~patients & held_out)):
    plt.plot(*codes[rows, :2].T, "o", label=f"{name}, |s| {np.ptp(codes[rows, :2]):.2f}")
plt.legend()
plt.show()
