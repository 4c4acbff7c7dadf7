# %% [markdown]
"""
# Examine latents

What are the codes related to? Everything here needs `cohort.tsv` and `latents.tsv` alone, and no PyTorch, so latents of
another model will do. `adhd-cvae demo` makes the files that are read here.
"""

# %%
from pathlib import Path

import numpy as np
import pandas as pd

from adhd_cvae.analysis import permutation_rsa
from adhd_cvae.analysis.effect_components import effect_components
from adhd_cvae.analysis.figure_style import save_figure
from adhd_cvae.analysis.geometry import umap_table
from adhd_cvae.analysis.latent_figures import umap_by_group
from adhd_cvae.files import read_tsv

out = Path("demo/derivatives/adhd-cvae")
cohort, latents = read_tsv(out / "cohort.tsv"), read_tsv(out / "latents.tsv")
spaces = {"salient": latents.filter(like="s_").to_numpy(), "background": latents.filter(like="z_").to_numpy()}

# %% [markdown]
"""
Do patients who differ in a variable lie apart in a space? Participants are permuted within sites, since a site's
scanner would pass for anything that differs between sites. Ten draws of one model would not be ten people.
"""

# %%
patients = (cohort["group"] == "target").to_numpy()
rows = []
for space, codes in spaces.items():
    for variable in ("age", "iq", "adhd_index_z"):
        values, sites = cohort.loc[patients, variable], cohort.loc[patients, "site"]
        found = permutation_rsa(codes[patients], values, "ratio", permutations=500, strata=sites)
        rows.append((space, variable, found.n, found.tau, found.p_value))
print(pd.DataFrame(rows, columns=["space", "variable", "n", "tau", "p"]).round(3))

# %% [markdown]
"""
A map of each space. It keeps neighbourhoods, not distances: a gap in it is a hint, never a test.
"""

# %%
umap = umap_table(spaces, cohort["participant_id"].tolist(), 0)
save_figure(umap_by_group(umap, cohort), Path("umap.svg"))

# %% [markdown]
"""
What `s` does to the brain: patients minus their background twins. Are their principal components those of a site that
had no part in them? `cosine_own` near 1 says yes; a few patients a site cannot say much.
"""

# %%
with np.load(out / "decoded.npz", allow_pickle=False) as decoded:
    effect = decoded["effect"]
components = effect_components(effect, cohort.loc[patients, "site"])
if components is not None:
    print(
        components.table[["left_out", "component", "n", "explained", "explained_own", "cosine_own"]].round(2)
    )
