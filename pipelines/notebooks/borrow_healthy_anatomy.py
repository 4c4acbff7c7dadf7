"""Regional volumes of FreeSurfer or CAT12: what a small clinic sees with healthy anatomy learnt elsewhere."""

# %% [markdown]
# # Borrow healthy anatomy
# Two tables of volumes, mm³: a clinic's patients and controls, and healthy people of other scanners. Here both are
# invented, so that it is known what two severities do to whom; put `read_tsv("….tsv")` of your own in their place.

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV
from sklearn.metrics import roc_auc_score

from adhd_cvae import LinearContrast, ReferenceBackground

rng = np.random.default_rng(0)
regions = [f"region_{number:02d}" for number in range(60)]
anatomy = rng.standard_normal((40, 60)) * np.linspace(1.5, 0.2, 40)[:, None]


def invented(count: int, scanners: list[str]) -> pd.DataFrame:
    """Volumes of healthy people, each scanner with its own scale."""
    place, head = np.arange(count) % len(scanners), 0.1 * rng.standard_normal(count)
    own = rng.standard_normal((count, 40)) @ anatomy + 0.5 * rng.standard_normal((count, 60))
    offsets = 0.05 * rng.standard_normal((len(scanners), 60))[place]
    table = pd.DataFrame(2000 * np.exp(0.03 * own + head[:, None] + offsets), columns=regions)
    return table.assign(scanner=np.array(scanners)[place], tiv=1.5e6 * np.exp(head))


clinic, elsewhere = invented(260, ["ours"]), invented(800, ["first", "second", "third"])
is_patient = np.arange(260) % 2 == 1
severity = rng.gamma(2, 0.5, (260, 2)) * is_patient[:, None]
for number, changed in enumerate((regions[:6], regions[20:26])):
    clinic[changed] *= np.exp(-0.03 * severity[:, [number]])

# %% [markdown]
# The same is done to both: logarithms, less what head size says within each scanner. `ReferenceBackground` keeps mean
# and covariance alone: `.save(folder)` is what leaves the house, nobody's volumes.


# %%
def prepared(table: pd.DataFrame) -> np.ndarray:
    """Log volumes around their scanner's mean, head size held constant."""
    logarithms = pd.DataFrame(np.log(table[[*regions, "tiv"]]))
    values = (logarithms - logarithms.groupby(table["scanner"]).transform("mean")).to_numpy()
    head = values[:, -1:]
    return values[:, :-1] - head @ np.linalg.lstsq(head, values[:, :-1], rcond=None)[0]


reference = ReferenceBackground().fit(prepared(elsewhere), sites=elsewhere["scanner"])
volumes, fitted = prepared(clinic), np.arange(260) < 100

# %% [markdown]
# A hundred people teach the model, the others are new to it: how well are severities read from `s`, and patients told
# from controls by `s_00`, the discriminant? The form of the model is chosen within the hundred.

# %%
rows, known, new = [], fitted & is_patient, ~fitted & is_patient
for name, given in (("alone", []), ("borrowed", [reference])):
    model = LinearContrast(salient=8, background=20, background_from=given)
    codes = model.fit(volumes[fitted], is_patient[fitted]).transform(volumes)[:, :8]
    read = RidgeCV(np.logspace(-2, 5, 20)).fit(codes[known], severity[known]).predict(codes[new])
    r = [np.corrcoef(read[:, one], severity[new, one])[0, 1] for one in range(2)]
    form = model.forms_[0].name if model.forms_ else "start"
    rows.append((name, form, *r, roc_auc_score(is_patient[~fitted], codes[~fitted, 0])))
found = pd.DataFrame(rows, columns=["healthy anatomy", "form", "r, first", "r, second", "AUC of s_00"])
print(found.round(2).to_string(index=False))
