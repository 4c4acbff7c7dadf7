"""Controls dealt into pseudo-patients and pseudo-controls, who differ as a lab's patients and controls do."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from adhd_cvae.analysis.permutation import conditional_orders
from adhd_cvae.cohort.covariates import chosen_covariates, fit_design
from adhd_cvae.config import CohortConfig
from adhd_cvae.names import BACKGROUND, TARGET

_RIDGE = 0.01
"""Of the odds, per participant: covariates that tell the groups wholly would make them endless."""


class Dealer:
    """Deals controls as the patients of a cohort are found at its sites, and at its ages, sexes and head sizes.

    Parameters
    ----------
    everybody
        The cohort, (n,) rows: `group`, the site and the covariates.
    settings
        Which column is the site, and which are the covariates.

    Attributes
    ----------
    controls
        The rows that are dealt.
    shares
        Site to the share of its participants who are patients; one site, "", where none is known.
    """

    def __init__(self, everybody: pd.DataFrame, settings: CohortConfig) -> None:
        is_patient = (everybody["group"] == TARGET).to_numpy()
        place = np.full(len(everybody), "")
        if settings.site in everybody:
            place = everybody[settings.site].astype(str).to_numpy()
        own = everybody["group"] == BACKGROUND
        self.controls = pd.DataFrame(everybody[own]).reset_index(drop=True)
        self._sites = place[own]
        self.shares = {str(site): float(is_patient[place == site].mean()) for site in np.unique(place)}
        self._log_odds = _log_odds(everybody, is_patient, settings)[own]

    @property
    def has_both(self) -> bool:
        """Whether a site has both groups; where none has, half of every site's controls are pseudo-patients."""
        return any(0 < share < 1 for share in self.shares.values())

    def deal(self, fraction: float, rng: np.random.Generator) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Take a fraction of the controls at every site, and say who of them is a pseudo-patient, (m,) each."""
        rows, is_patient = [], []
        for site, share in self.shares.items():
            members = np.flatnonzero(self._sites == site)
            taken = rng.permutation(members)[: round(fraction * len(members))]
            rows.append(np.sort(taken))
            is_patient.append(np.arange(len(taken)) < round((share if self.has_both else 0.5) * len(taken)))
        chosen, first = np.concatenate(rows), np.concatenate(is_patient)
        strata = np.unique(self._sites[chosen], return_inverse=True)[1]
        order = conditional_orders(rng, strata, first, self._log_odds[chosen], 1)[0]
        return chosen, first[order]


def _log_odds(
    everybody: pd.DataFrame, is_patient: NDArray[np.bool_], settings: CohortConfig
) -> NDArray[np.float64]:
    """Of being a patient, given the covariates, by ridge logistic regression; 0 where nothing tells."""
    names = chosen_covariates(everybody, settings)
    if not names or is_patient.all() or not is_patient.any():
        return np.zeros(len(everybody))
    design = fit_design(everybody, np.arange(len(everybody)), names, settings).of(everybody)
    model = LogisticRegression(C=1 / (_RIDGE * len(everybody)), max_iter=5000)
    return model.fit(design, is_patient).decision_function(design)
