"""Each participant's own files: codes, background twin and salient map, with sidecars that name the model."""

import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from adhd_cvae.analysis.maps.mass_univariate import to_volume
from adhd_cvae.config import ImageConfig
from adhd_cvae.images.nifti import save_nifti
from adhd_cvae.images.resampling import grid_affine
from adhd_cvae.io import fingerprint, write_json
from adhd_cvae.names import BACKGROUND, KNOWN_SITE, SALIENT, TEMPLATE, sd_name, units_in
from bids_adapters.derivatives import GENERATOR
from pipelines.output_dir.tables import PARTICIPANT
from pipelines.progress import Tick

_SESSION = re.compile(r"(?:^|[/_])(ses-[0-9A-Za-z+]+)")
MAPS = {
    "label-GM_desc-twin_probseg": "Background twin: the map decoded with s = 0, gray-matter volume per voxel",
    "desc-salient_map": "Salient part: decoded map minus its background twin, gray-matter volume per voxel",
}
"""End of a file's name to what it holds."""


@dataclass(frozen=True)
class Model:
    """A loaded model, and how to name it.

    Attributes
    ----------
    python_model
        The instance of `pipelines.mlflow_tracking.pyfunc_model.Posteriors`.
    adjustment
        What it takes from maps, new sites learnt; None where it takes them as they are.
    uri
        ``models:/name/version`` where it is registered.
    """

    python_model: Any
    uri: str
    uuid: str
    adjustment: Any = None

    @property
    def image(self) -> ImageConfig:
        """The grid."""
        return self.python_model.image


@dataclass(frozen=True)
class ParticipantFiles:
    """What of each participant lies in `folder`, an OUTPUT_DIR; a participant is a row of the cohort."""

    folder: Path

    def table(self, row: dict[str, Any]) -> Path:
        """Name the table of one participant: below its session where its map has one."""
        session = _SESSION.search(row["image"])
        names = [str(row["participant_id"]), *([session[1]] if session else [])]
        return self.folder.joinpath(*names, "anat", f"{'_'.join(names)}_latents.tsv")

    def read(self, cohort: pd.DataFrame, tick: Tick) -> pd.DataFrame:
        """Read everybody's own table, in the order of `cohort`."""
        tables = []
        for row in cohort.to_dict("records"):
            tables.append(PARTICIPANT.read(self.table(row)))
            tick(len(tables), len(cohort))
        return pd.concat(tables, ignore_index=True)

    def write(self, cohort: pd.DataFrame, images: np.ndarray, model: Model) -> None:
        """Write the files of some participants in the order of `images` (n, *shape).

        The table comes last: where it is, the maps are.
        """
        from adhd_cvae.inference.adjustment import adjusted, is_known
        from adhd_cvae.inference.decoding import brain_mask, decode
        from adhd_cvae.inference.prediction import predict

        adjustment = model.adjustment
        known = None
        if adjustment is not None and adjustment.site is not None:
            known = is_known(adjustment, cohort, average=True)
        images = adjusted(images, adjustment, cohort)
        network = model.python_model.model
        mask, affine = brain_mask(network), grid_affine(model.image)
        for number, participant in enumerate(cohort.to_dict("records")):
            # One at a time: in a batch the last bits would depend on who else is in it.
            row = predict(network, model.python_model.reference, np.asarray(images[[number]]))
            salient, background = (
                row[units_in(row, space)].to_numpy(np.float32, copy=True) for space in (SALIENT, BACKGROUND)
            )
            twin = decode(network, background)[0]
            volumes = (twin, decode(network, background, salient)[0] - twin)
            table = self.table(participant)
            origin = {
                "Sources": [f"bids::{participant['image']}"],
                "Model": {"URI": model.uri, "UUID": model.uuid},
                "GeneratedBy": {"Name": GENERATOR, "Version": version(GENERATOR)},
            }
            for (ending, text), values in zip(MAPS.items(), volumes, strict=True):
                file = table.with_name(table.name.replace("latents.tsv", f"space-{TEMPLATE}_{ending}.nii.gz"))
                save_nifti(to_volume(values, mask).astype(np.float32), affine, file)
                sidecar = file.with_name(file.name.replace(".nii.gz", ".json"))
                write_json({"Description": text, **origin}, sidecar)
            row.insert(0, "participant_id", participant["participant_id"])
            if known is not None:
                row[KNOWN_SITE] = known[number]
            PARTICIPANT.write(row, table, origin=origin)


def posterior_samples(rows: pd.DataFrame, count: int, seed: int) -> dict[str, np.ndarray]:
    """Sample the posteriors of tables of participants; a participant's samples do not depend on who else is there.

    Returns
    -------
    dict
        Each space's samples, (count, n, units).
    """
    from adhd_cvae.inference import embedding

    arrays = {}
    for space in (SALIENT, BACKGROUND):
        units = units_in(rows, space)
        mean = rows[units].to_numpy(np.float32)
        sd = rows[[sd_name(unit) for unit in units]].to_numpy(np.float32)
        seeds = [int(fingerprint([seed, space, name])[:8], 16) for name in rows["participant_id"]]
        parts = [
            embedding.posterior_samples(mean[[row]], sd[[row]], count, own) for row, own in enumerate(seeds)
        ]
        arrays[space] = np.concatenate(parts, axis=1)
    return arrays
