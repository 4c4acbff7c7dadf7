"""What estimators of a salient and a background space share."""

from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import ClassifierTags, Tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d

from adhd_cvae.errors import InputError
from adhd_cvae.estimators.inputs import Maps
from adhd_cvae.names import BACKGROUND, SALIENT, unit_names


class CodesEstimator(TransformerMixin, BaseEstimator):
    """Gives participants codes (n, salient + background), learnt from two groups.

    Attributes
    ----------
    classes_
        The controls' label and the patients', in their order.
    n_features_in_
        Values a participant has.
    """

    salient: int
    background: int
    n_features_in_: int

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Names of the units: s_00 …, z_00 …"""
        check_is_fitted(self)
        return np.array(
            [*unit_names(SALIENT, self.salient), *unit_names(BACKGROUND, self.background)], dtype=object
        )

    def predict(self, X: Maps) -> NDArray[np.floating]:
        """Codes, as `transform`: for ``cross_val_predict``, whose models have not met those whose codes they give."""
        return cast("Any", self).transform(X)

    def _groups(self, y: ArrayLike) -> NDArray[np.bool_]:
        """(n,) who is a patient.

        Raises
        ------
        InputError
            There are not two groups of two.
        """
        labels = column_or_1d(y)
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

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)
        return tags
