"""UMAP of each space, for pictures."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness
from threadpoolctl import threadpool_limits

from adhd_cvae.analysis.permutation import DEFAULTS

UMAP_COLUMNS = ["participant_id", "space", "umap_1", "umap_2", "trustworthiness", "note"]


def umap_table(
    spaces: Mapping[str, NDArray],
    participant_ids: Sequence[str] | pd.Series,
    seed: int,
    *,
    neighbours: int = DEFAULTS.umap_neighbours,
    minimum: int = DEFAULTS.sizes.minimum,
) -> pd.DataFrame:
    """Map each space to two dimensions by UMAP (McInnes et al. 2018, arXiv 1802.03426); a seed fixes the map.

    Parameters
    ----------
    neighbours
        That UMAP keeps near, and that trustworthiness is asked of.
    minimum
        Participants with finite, distinct latents below which there is no map.

    Returns
    -------
    pandas.DataFrame
        participant_id, space, umap_1, umap_2, trustworthiness (of the space's map: 1 where neighbours on the
        map are neighbours in the space), note. Coordinates are missing where there is no map.
    """
    tables = []
    for space, latents in spaces.items():
        latents = np.asarray(latents, np.float64)
        table = pd.DataFrame({"participant_id": list(participant_ids), "space": space}).reindex(
            columns=UMAP_COLUMNS
        )
        finite = np.isfinite(latents).all(axis=1)
        if len(np.unique(latents[finite], axis=0)) < minimum:
            table["note"] = f"fewer than {minimum} distinct participants"
        else:
            places, trust = _umap(latents[finite], seed, neighbours)
            table.loc[finite, ["umap_1", "umap_2"]] = places
            table["trustworthiness"] = trust
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=UMAP_COLUMNS)


# numba changes the number of threads for everyone, and with it torch's last bits
@threadpool_limits.wrap(limits=1)
def _umap(latents: NDArray[np.float64], seed: int, neighbours: int) -> tuple[NDArray[np.float64], float]:
    with warnings.catch_warnings():
        # Importing umap warns that its neural-network variant, which is not used here, lacks tensorflow.
        warnings.filterwarnings("ignore", category=ImportWarning)
        import umap  # here because it takes seconds to load
    most = min(neighbours, len(latents) - 1)
    mapper = umap.UMAP(n_components=2, n_neighbors=most, random_state=seed, n_jobs=1)
    with warnings.catch_warnings():
        # Points far from all others, or another start than asked for: nothing a reader can act on.
        warnings.filterwarnings("ignore", category=UserWarning, module="umap")
        places = np.asarray(mapper.fit_transform(latents), np.float64)
    near = max(1, min(neighbours, (len(latents) - 1) // 2))
    return places, float(trustworthiness(latents, places, n_neighbors=near))
