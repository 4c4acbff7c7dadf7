"""The linear models as scikit-learn estimators, on gray-matter maps or on any table of features."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import ClassifierTags, Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from adhd_cvae.config import ModelConfig
from adhd_cvae.errors import InputError
from adhd_cvae.models.coordinates import in_coordinates
from adhd_cvae.models.form_choice import Form, compared_forms
from adhd_cvae.models.reference_background import Reference, borrowed, fit_reference, merge_references
from adhd_cvae.models.reference_file import load_reference, save_reference
from adhd_cvae.models.refinement import linear_solution
from adhd_cvae.names import BACKGROUND, SALIENT, unit_names

_FLOATS = [np.float32, np.float64]


class ReferenceBackground(BaseEstimator):
    """Healthy anatomy: mean, spread, principal axes and their variances, learnt within sites.

    Parameters
    ----------
    most_axes
        Kept of the principal axes.
    least_participants
        Below which nothing is learnt: a covariance of fewer is no better than a clinic's own.

    Attributes
    ----------
    reference_
        What was learnt.
    n_features_in_
        Values a participant has.
    """

    n_features_in_: int

    def __init__(self, most_axes: int = 800, least_participants: int = 200) -> None:
        self.most_axes = most_axes
        self.least_participants = least_participants

    def fit(self, X: ArrayLike, y: object = None, sites: ArrayLike | None = None) -> Self:
        """Learn it.

        Parameters
        ----------
        X
            (n, features) or maps (n, x, y, z) of healthy participants.
        y
            Nothing; there for scikit-learn.
        sites
            (n,) scanning sites: what they differ in is not anatomy.

        Raises
        ------
        ValueError
            There are fewer than `least_participants`, or as many sites as participants.
        """
        values: NDArray = cast("Any", validate_data)(self, _flat(X), dtype=_FLOATS, ensure_min_samples=2)
        if len(values) < self.least_participants:
            raise InputError(
                f"n_samples = {len(values)} healthy participants, and a reference takes at least "
                f"{self.least_participants} (least_participants)."
            )
        self.reference_ = fit_reference(values, _sites(sites, len(values)), most_axes=self.most_axes)
        return self

    def merge(self, others: Sequence["ReferenceBackground"]) -> "ReferenceBackground":
        """Put this and others, learnt elsewhere of the same features, together; without anybody's data."""
        merged = ReferenceBackground(**self.get_params())
        merged.reference_ = merge_references(
            [one.reference_ for one in (self, *others)], most_axes=self.most_axes
        )
        merged.n_features_in_ = merged.reference_.size
        return merged

    def save(self, folder: Path | str) -> None:
        """Write ``reference.safetensors`` and ``reference.json``."""
        check_is_fitted(self)
        save_reference(self.reference_, Path(folder), {})

    @classmethod
    def load(cls, folder: Path | str) -> "ReferenceBackground":
        """Read what `save` wrote."""
        loaded = cls()
        loaded.reference_, _ = load_reference(Path(folder))
        loaded.n_features_in_ = loaded.reference_.size
        return loaded


class LinearContrast(TransformerMixin, BaseEstimator):
    """Salient and background codes by a linear model that may borrow healthy anatomy.

    Parameters
    ----------
    salient, background
        Units of s, only patients', and of z, everybody's.
    background_from
        `ReferenceBackground` s, or folders in which they were saved. With them the form of the model is chosen by how
        well held-out training participants are told apart; nobody borrowed is compared with anybody.
    seed
        Of the inner folds.

    Attributes
    ----------
    classes_
        The controls' label and the patients', in their order.
    forms_
        The forms that were compared, the one taken first; empty without a reference.
    mean_, spread_
        (features,) by which features are standardised.
    origin_
        (features,) standardised, where all codes are 0: the controls' mean.
    encoder_, decoder_
        (salient + background, features) of standardised features.
    """

    def __init__(
        self,
        salient: int = 8,
        background: int = 48,
        background_from: Sequence[ReferenceBackground | Path | str] = (),
        seed: int = 0,
    ) -> None:
        self.salient = salient
        self.background = background
        self.background_from = background_from
        self.seed = seed

    def fit(self, X: ArrayLike, y: ArrayLike, sites: ArrayLike | None = None) -> Self:
        """Fit both spaces.

        Parameters
        ----------
        X
            (n, features) or maps (n, x, y, z).
        y
            (n,) two values; the larger one is the patients'.
        sites
            (n,) scanning sites, which no salient direction shall tell.

        Raises
        ------
        ValueError
            There are not two groups of two, or a reference is of other features.
        """
        values, groups = cast("Any", validate_data)(self, _flat(X), y, dtype=_FLOATS, ensure_min_samples=4)
        is_target = self._groups(groups)
        known = _sites(sites, len(values))
        self.mean_, self.spread_ = values.mean(axis=0), values.std(axis=0)
        self.spread_ = np.where(self.spread_ > 1e-6 * max(float(self.spread_.max()), 1e-300), self.spread_, 1)
        standard = (values - self.mean_) / self.spread_
        reference = self._reference(values.shape[1])
        found = in_coordinates(
            standard,
            None
            if reference is None
            else borrowed(reference, np.arange(values.shape[1]), self.mean_, self.spread_),
        )
        config = ModelConfig(salient=self.salient, background=self.background, correction=False)
        self.forms_: list[Form] = []
        if found.reference is not None:
            self.forms_ = compared_forms(
                config, found.values, is_target, found.reference, sites=known, seed=self.seed
            )
        method = self.forms_[0].method if self.forms_ else None
        model = linear_solution(config, found.values, is_target, self.seed, known, method)
        self.origin_ = model.salient.origin @ found.axes
        encoder = np.vstack([model.salient.encoder, model.background.encoder])
        decoder = np.vstack([model.salient.decoder, model.background.decoder])
        self.encoder_, self.decoder_ = encoder @ found.axes, decoder @ found.axes
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.floating]:
        """Codes (n, salient + background) of participants (n, features), named by `get_feature_names_out`."""
        check_is_fitted(self)
        values: NDArray = cast("Any", validate_data)(self, _flat(X), dtype=_FLOATS, reset=False)
        standard = (values - self.mean_) / self.spread_
        return ((standard - self.origin_) @ self.encoder_.T).astype(values.dtype)

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the units: s_00 …, z_00 …"""
        check_is_fitted(self)
        return np.array(
            [*unit_names(SALIENT, self.salient), *unit_names(BACKGROUND, self.background)], dtype=object
        )

    def _groups(self, labels: NDArray) -> NDArray[np.bool_]:
        check_classification_targets(labels)
        self.classes_, places = np.unique(labels, return_inverse=True)
        if len(self.classes_) != 2:
            raise InputError(
                f"Only binary classification is supported: y has {len(self.classes_)} classes, expected controls "
                "and patients."
            )
        if min(np.bincount(places)) < 2:
            raise InputError("each group takes at least two participants, and one has one.")
        return places == 1

    def _reference(self, features: int) -> Reference | None:
        given = [
            one if isinstance(one, ReferenceBackground) else ReferenceBackground.load(one)
            for one in self.background_from
        ]
        if not given:
            return None
        for one in given:
            check_is_fitted(one)
            if one.n_features_in_ != features:
                raise InputError(
                    f"a reference has {one.n_features_in_} features and X has {features}: learn it on the same ones."
                )
        return merge_references([one.reference_ for one in given])

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)
        return tags


def _flat(X: ArrayLike) -> Any:
    """Maps (n, x, y, z) as (n, voxels); anything else as it is."""
    shape = getattr(X, "shape", ())
    return np.asarray(X).reshape(shape[0], -1) if len(shape) == 4 else X


def _sites(sites: ArrayLike | None, count: int) -> NDArray[np.str_] | None:
    if sites is None:
        return None
    names = np.asarray(sites).astype(str)
    if names.shape != (count,):
        raise InputError(
            f"sites has the shape {names.shape}, expected a site for each of {count} participants."
        )
    return names
