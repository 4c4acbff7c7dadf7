"""What a MONAI bundle of a trained model calls; its configuration names these by ``_target_``."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adhd_cvae.errors import InputError
from adhd_cvae.files import write_tsv
from adhd_cvae.network import ContrastiveVAE
from adhd_cvae.prediction import Reference, predict


def write_codes(
    network: ContrastiveVAE, reference: Reference, batches: Iterable[dict[str, Any]], path: str
) -> None:
    """Write a table of codes, one row a map.

    Parameters
    ----------
    batches
        ``{"image": (batch, 1, x, y, z), "name": [batch]}``, as MONAI's `DataLoader` gives them.
    path
        The table: column `image`, then those of `adhd_cvae.prediction.predict`.

    Raises
    ------
    InputError
        There are no maps.
    """
    tables = []
    for batch in batches:
        told = predict(network, reference, np.asarray(batch["image"])[:, 0])
        told.insert(0, "image", batch["name"])
        tables.append(told)
    if not tables:
        raise InputError(
            "no file fits `image`. Give --image the path of a NIfTI map, or a pattern in quotes."
        )
    write_tsv(pd.concat(tables, ignore_index=True), Path(path))
