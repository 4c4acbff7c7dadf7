"""The models as scikit-learn estimators, on gray-matter maps or, the linear ones, on any table of features."""

from adhd_cvae.estimators.contrastive import ContrastiveModel
from adhd_cvae.estimators.linear import ContrastivePCA, LinearContrast, ProbabilisticContrastivePCA
from adhd_cvae.estimators.reference import ReferenceBackground

__all__ = [
    "ContrastiveModel",
    "ContrastivePCA",
    "LinearContrast",
    "ProbabilisticContrastivePCA",
    "ReferenceBackground",
]
