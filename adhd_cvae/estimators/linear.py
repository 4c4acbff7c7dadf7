"""The linear models as scikit-learn estimators, on gray-matter maps or on any table of features."""

from collections.abc import Sequence
from typing import Any, Self, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted, validate_data

from adhd_cvae.config import ImageConfig, LinearConfig, ModelConfig
from adhd_cvae.errors import InputError
from adhd_cvae.estimators.codes import CodesEstimator
from adhd_cvae.estimators.inputs import Features, Maps, features_of, sites_of
from adhd_cvae.estimators.reference import FLOATS, Lender, merged_reference
from adhd_cvae.models.coordinates import in_coordinates
from adhd_cvae.models.form_choice import Form, compared_forms
from adhd_cvae.models.reference_background import borrowed
from adhd_cvae.models.refinement import linear_solution

_USUAL = LinearConfig()


class LinearCodes(CodesEstimator):
    """Salient and background codes by one of the linear models; a subclass says which.

    Attributes
    ----------
    forms_
        The forms that were compared, the one taken first; empty where nothing was borrowed.
    mean_, spread_
        (features,) by which features are standardised.
    origin_
        (features,) standardised, where all codes are 0: the controls' mean.
    encoder_, decoder_
        (salient + background, features) of standardised features; of maps 0 outside of the mask.
    """

    image: ImageConfig | None
    background_from: Sequence[Lender] = ()
    seed: int = 0

    def _choices(self) -> dict[str, Any]:
        """What of the model's settings is not as usual."""
        return {}

    def fit(self, X: Maps, y: ArrayLike, sites: ArrayLike | None = None) -> Self:
        """Fit both spaces.

        Parameters
        ----------
        X
            (n, features), or `Maps`, of which the voxels count whose mean is above `image.mask_threshold`.
        y
            (n,) two values; the larger one is the patients'.
        sites
            (n,) scanning sites, which no salient direction shall tell.

        Raises
        ------
        ValueError
            There are not two groups of two, or a reference is of other features.
        """
        found = features_of(X, self._grid)
        values, labels = cast("Any", validate_data)(self, found.values, y, dtype=FLOATS, ensure_min_samples=4)
        is_target, known = self._groups(labels), sites_of(sites, len(values))
        columns = self._standardisation(Features(values, found.of_maps))
        config = ModelConfig(
            salient=self.salient, background=self.background, correction=False, **self._choices()
        )
        reference = merged_reference(self.background_from, values.shape[1])
        if reference is not None:
            columns = np.intersect1d(columns, reference.columns)
        standard, own = self._standard(values)[:, columns], (self.mean_[columns], self.spread_[columns])
        space = in_coordinates(standard, None if reference is None else borrowed(reference, columns, *own))
        self.forms_: list[Form] = []
        if space.reference is not None:
            self.forms_ = compared_forms(
                config, space.values, is_target, space.reference, sites=known, seed=self.seed
            )
        method = self.forms_[0].method if self.forms_ else None
        model = linear_solution(config, space.values, is_target, self.seed, known, method)
        axes = np.zeros((len(space.axes), values.shape[1]), space.axes.dtype)
        axes[:, columns] = space.axes
        self.origin_ = model.salient.origin @ axes
        self.encoder_ = np.vstack([model.salient.encoder, model.background.encoder]) @ axes
        self.decoder_ = np.vstack([model.salient.decoder, model.background.decoder]) @ axes
        return self

    def transform(self, X: Maps) -> NDArray[np.floating]:
        """Codes (n, salient + background) of (n, features) or `Maps`, named by `get_feature_names_out`."""
        check_is_fitted(self)
        found = features_of(X, self._grid).values
        values: NDArray = cast("Any", validate_data)(self, found, dtype=FLOATS, reset=False)
        return ((self._standard(values) - self.origin_) @ self.encoder_.T).astype(values.dtype)

    @property
    def _grid(self) -> ImageConfig:
        return self.image or ImageConfig()

    def _standard(self, values: NDArray) -> NDArray:
        return (values - self.mean_) / self.spread_

    def _standardisation(self, features: Features) -> NDArray[np.integer]:
        """Learn mean and spread, and which columns count."""
        self.mean_, spread = features.values.mean(axis=0), features.values.std(axis=0)
        self.spread_ = np.where(spread > 1e-6 * max(float(spread.max()), 1e-300), spread, 1)
        if not features.of_maps:
            return np.arange(len(spread))
        columns = np.flatnonzero(self.mean_ > self._grid.mask_threshold)
        if not len(columns):
            raise InputError(
                f"No voxel's mean exceeds image.mask_threshold={self._grid.mask_threshold:g} (largest mean: "
                f"{self.mean_.max():.3g}). Are these gray-matter maps in MNI space?"
            )
        least = np.quantile(spread[columns], self._grid.least_spread).astype(spread.dtype)
        self.spread_ = np.maximum(self.spread_, max(least, spread.dtype.type(1e-6)))
        return columns


class LinearContrast(LinearCodes):
    """Salient and background codes by a linear model that may borrow healthy anatomy.

    Its first salient unit is Fisher's discriminant, the others are where contrastive PCAs agree.

    Parameters
    ----------
    salient, background
        Units of s, only patients', and of z, everybody's.
    background_from
        `ReferenceBackground` s, or folders in which they were saved. With them the form of the model is chosen by how
        well held-out training participants are told apart; nobody borrowed is compared with anybody.
    seed
        Of the inner folds.
    image
        Grid that NIfTI files are brought onto, and mask of maps; None: `ImageConfig`'s own.
    """

    def __init__(
        self,
        salient: int = 8,
        background: int = 48,
        background_from: Sequence[Lender] = (),
        seed: int = 0,
        image: ImageConfig | None = None,
    ) -> None:
        self.salient = salient
        self.background = background
        self.background_from = background_from
        self.seed = seed
        self.image = image


class ContrastivePCA(LinearCodes):
    """Contrastive PCA (Abid et al. 2018, doi 10.1038/s41467-018-04608-8), as ``model.start=contrastive_pca``.

    Parameters
    ----------
    salient, background
        Units of s, in which patients vary more than controls, and of z.
    alpha
        Contrast strength.
    image
        As of `LinearContrast`.
    """

    def __init__(
        self,
        salient: int = 8,
        background: int = 48,
        alpha: float = _USUAL.alpha,
        image: ImageConfig | None = None,
    ) -> None:
        self.salient = salient
        self.background = background
        self.alpha = alpha
        self.image = image

    def _choices(self) -> dict[str, Any]:
        return {"start": "contrastive_pca", "linear": LinearConfig(alpha=self.alpha)}


class ProbabilisticContrastivePCA(LinearCodes):
    """Its maximum likelihood (Li, Jones & Engelhardt 2020, arXiv:2012.07977), as ``model.start=pcpca``.

    Parameters
    ----------
    salient, background
        As of `ContrastivePCA`.
    share
        Weight γ of the controls, as a share of the largest there can be.
    image
        As of `LinearContrast`.
    """

    def __init__(
        self,
        salient: int = 8,
        background: int = 48,
        share: float = _USUAL.pcpca_share,
        image: ImageConfig | None = None,
    ) -> None:
        self.salient = salient
        self.background = background
        self.share = share
        self.image = image

    def _choices(self) -> dict[str, Any]:
        return {"start": "pcpca", "linear": LinearConfig(pcpca_share=self.share)}
