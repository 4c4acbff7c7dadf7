"""What the codes of a finished run are related to. Run `make demo` first, or name your OUTPUT_DIR."""

# %% [markdown]
# # Examine latents
# Every number below is about patients: `s` is near zero in controls by design.

# %%
from pathlib import Path

import numpy as np
import pandas as pd

from adhd_cvae import ContrastiveModel
from adhd_cvae.analysis import permutation_rsa
from adhd_cvae.analysis.variables import Scale
from adhd_cvae.io import read_tsv

bids_dir, out = Path("demo/bids"), Path("demo/derivatives/adhd-cvae")
cohort = read_tsv(out / "cohort.tsv")
patients = cohort[cohort["group"] == "target"]
model = ContrastiveModel.load(out / "checkpoints").set_output(transform="pandas")
codes = model.transform(patients.assign(image=[str(bids_dir / image) for image in patients["image"]]))
salient, background = (codes.filter(like=f"{space}_").to_numpy() for space in "sz")

# %% [markdown]
# Do patients who differ in a variable lie apart in a space? Participants are permuted within sites.
# `analyse` also corrects for the number of questions; look at its table before you believe a p-value from here.

# %%
scales: dict[str, Scale] = {"age": "ratio", "sex": "nominal", "adhd_index_z": "ratio"}
rows = []
for variable, scale in scales.items():
    for space, codes in (("salient", salient), ("background", background)):
        found = permutation_rsa(
            codes, patients[variable], scale, permutations=999, strata=np.asarray(patients["site"])
        )
        rows.append((variable, space, found.tau, found.ci_low, found.ci_high, found.p_value))
similarity = pd.DataFrame(rows, columns=["variable", "space", "tau", "low", "high", "p"])
print(similarity.round(3))

# %% [markdown]
# The tables of the run: where the change is, and whether its components are those of a site left out.

# %%
shown = {
    "claims": ["claim", "verdict", "tau", "p_fdr"],
    "peaks": ["x_mm", "y_mm", "z_mm", "peak", "t"],
    "effect_components": ["left_out", "component", "explained", "explained_own", "cosine_own"],
}
for name, columns in shown.items():
    table = read_tsv(out / "analysis" / f"{name}.tsv")[columns].head(10)
    print(f"\n{name}\n{table.round(3).to_string(index=False)}")
