# %% [markdown]
"""
# Train on a cohort

A BIDS dataset goes in, a contrastive variational autoencoder comes out: `s` for what only patients show, `z` for what
everybody shares. `adhd-cvae demo` makes the dataset that is read here; put the path of yours in its place.
"""

# %%
from pathlib import Path

from adhd_cvae import embed, train
from adhd_cvae.checkpoint import load_model
from adhd_cvae.cohort import split_cohort
from adhd_cvae.dataset import open_images, prepare_images
from bids_adapters import build_cohort
from pipelines.settings import load_recipe

bids, out = Path("demo/bids"), Path("trained")
recipe = load_recipe(
    "smoke", ("training.epochs=1", "training.vae=false")
)  # "adhd200" for a model to work with

# %% [markdown]
"""
Who is in it? `exclusions` names everybody and every file left out, with the reason: read it before anything else.
"""

# %%
people = build_cohort(bids, recipe.cohort)
print(people.table.value_counts(["site", "group"], sort=False))
print(people.exclusions)

# %% [markdown]
"""
Some participants of each site and group are held out, and no model ever learns from them. Every map is put on one grid
once; a map that is no gray matter in MNI space gets a reason instead of a place.
"""

# %%
cohort = people.table.assign(
    split=split_cohort(people.table, recipe.cohort.test_fraction, recipe.seed, recipe.cohort.site)
)
files = [bids / image for image in cohort["image"]]
refused = prepare_images(files, recipe.image, out / "cache", lambda done, total: None)
cohort = cohort.loc[[reason is None for reason in refused]].reset_index(drop=True)

# %% [markdown]
"""
Training stops by itself where a part of the training split no longer gains, and goes on where it was interrupted.
"""

# %%
images = open_images(out / "cache")
result = train(images, cohort, recipe, out / "checkpoints")
print(result.history[["model", "epoch", "train_loss", "validation_loss"]])
print(*result.warnings, sep="\n")

# %% [markdown]
"""
Two codes for everybody, posterior means. In controls `s` should be short: what is left is what leaks.
"""

# %%
model, _ = load_model(out / "checkpoints" / "cvae")
codes = embed(model, images)
length = (codes.salient_mean**2).sum(axis=1) ** 0.5
print(cohort.assign(length=length).groupby(["group", "split"])["length"].mean())
