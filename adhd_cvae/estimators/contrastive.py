"""The contrastive model as a scikit-learn estimator: fitted and applied as the command line does."""

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from adhd_cvae.config import Recipe
from adhd_cvae.errors import InputError
from adhd_cvae.estimators.codes import CodesEstimator
from adhd_cvae.estimators.inputs import Maps, maps_of, sites_of
from adhd_cvae.estimators.reference import Lender, merged_reference
from adhd_cvae.io import read_object, remove, write_json
from adhd_cvae.names import BACKGROUND, TARGET

if TYPE_CHECKING:  # they bring torch
    from adhd_cvae.inference.adjustment import Adjustment
    from adhd_cvae.models.network import ContrastiveVAE
    from adhd_cvae.training.train import TrainingResult

Covariates = pd.DataFrame | Mapping[str, ArrayLike]
"""Columns of n values each."""
_MODEL, _ABOUT = "cvae", "estimator.json"


class ContrastiveModel(CodesEstimator):
    """The network of ``adhd-cvae train``: salient and background codes of gray-matter maps.

    Parameters
    ----------
    salient, background
        Units of s, only patients', and of z, everybody's.
    harmonise, residualise
        ``combat`` takes sites' differences from maps before the network sees them, and True the covariates' effects.
        `transform` then needs these of everybody.
    new_site
        What becomes of a site that a model which harmonises has not met: ``refuse``, or ``average``.
    background_from
        `ReferenceBackground` s of maps on the same grid, or their folders, that the linear start may borrow.
    seed
        All that is random follows from it.
    recipe
        Every other setting; None: the defaults. `from_recipe` takes those above from it too.

    Attributes
    ----------
    network_
        The trained `ContrastiveVAE`.
    adjustment_
        What takes sites and covariates from maps; None where nothing is.
    recipe_
        The settings it was fitted with.
    training_
        History, what each step gained, and what went wrong; a model that was loaded has none.
    """

    network_: "ContrastiveVAE"
    adjustment_: "Adjustment | None"
    recipe_: Recipe
    training_: "TrainingResult"

    def __init__(
        self,
        salient: int = 8,
        background: int = 48,
        *,
        harmonise: str = "none",
        residualise: bool = False,
        new_site: str = "refuse",
        background_from: Sequence[Lender] = (),
        seed: int = 0,
        recipe: Recipe | None = None,
    ) -> None:
        self.salient = salient
        self.background = background
        self.harmonise = harmonise
        self.residualise = residualise
        self.new_site = new_site
        self.background_from = background_from
        self.seed = seed
        self.recipe = recipe

    @classmethod
    def from_recipe(cls, recipe: Recipe) -> Self:
        """Take every setting from a recipe; what it borrows must be in folders."""
        return cls(
            recipe.model.salient,
            recipe.model.background,
            harmonise=recipe.cohort.harmonise,
            residualise=recipe.cohort.residualise,
            background_from=recipe.cohort.background_from,
            seed=recipe.seed,
            recipe=recipe,
        )

    def fit(
        self,
        X: Maps,
        y: ArrayLike,
        sites: ArrayLike | None = None,
        covariates: Covariates | None = None,
    ) -> Self:
        """Train on everybody.

        Parameters
        ----------
        X
            `Maps`. A table's own columns serve as sites and covariates too.
        y
            (n,) two values; the larger one is the patients'.
        sites
            (n,) scanning sites, which no salient direction shall tell.
        covariates
            Of everybody; those of ``cohort.covariates`` are residualised, by default age, sex and tiv.

        Raises
        ------
        InputError
            A map cannot be used, a group is too small, or sites or covariates that the settings ask for are missing.
        """
        from adhd_cvae.inference.adjustment import adjusted, fit_adjustment, fitted_rows
        from adhd_cvae.models.weights import load_model
        from adhd_cvae.training.train import train

        recipe = self._settings(has_sites=sites is not None)
        with tempfile.TemporaryDirectory(prefix="adhd-cvae-") as place:
            maps = maps_of(X, recipe.image, Path(place) / "cache")
            check_consistent_length(maps, y)
            self.n_features_in_ = int(np.prod(maps.shape[1:]))
            group = np.where(self._groups(y), TARGET, BACKGROUND)
            names = [f"{number:06d}" for number in range(len(maps))]
            table = _table(X, len(maps), recipe.cohort.site, sites, covariates)
            table = table.assign(participant_id=names, group=group)
            if recipe.cohort.harmonise != "none" or recipe.model.condition_on_site:
                _check_columns(table, [recipe.cohort.site or "site"])
            fitted = fitted_rows(table, np.ones(len(maps), bool), recipe)
            found = fit_adjustment(maps, table, fitted, recipe)
            if found is not None and recipe.cohort.residualise and not found.design.names:
                _check_columns(table, ["age, sex or tiv, of everybody"])
            reference = merged_reference(self.background_from, self.n_features_in_)
            alone = recipe.training.model_copy(update={"vae": False})  # which changes nothing of this one
            self.training_ = train(
                *(adjusted(maps, found, table), table, recipe.model_copy(update={"training": alone})),
                Path(place),
                reference=reference,
            )
            self.network_, _ = load_model(Path(place) / _MODEL)
        self.adjustment_, self.recipe_ = found, recipe
        for text in self.training_.warnings:
            warnings.warn(text, ConvergenceWarning, stacklevel=2)
        return self

    def transform(
        self, X: Maps, sites: ArrayLike | None = None, covariates: Covariates | None = None
    ) -> NDArray[np.float32]:
        """Posterior means (n, salient + background) of `Maps`, named by `get_feature_names_out`.

        Raises
        ------
        InputError
            A map cannot be used; or the model takes sites or covariates from maps, and one is missing or new.
        """
        from adhd_cvae.inference.adjustment import adjusted, is_known
        from adhd_cvae.inference.embedding import embed

        check_is_fitted(self, "network_")
        maps, adjustment = maps_of(X, self.recipe_.image), self.adjustment_
        if adjustment is not None:
            table = _table(X, len(maps), adjustment.site, sites, covariates)
            _check_columns(table, adjustment.needed)
            is_known(adjustment, table, average=self.new_site == "average")
            maps = adjusted(maps, adjustment, table)
        codes = embed(self.network_, maps)
        return np.hstack([codes.salient_mean, codes.background_mean])

    def predict(
        self, X: Maps, sites: ArrayLike | None = None, covariates: Covariates | None = None
    ) -> NDArray[np.float32]:
        """Codes, as `transform`: for ``cross_val_predict``, which passes on no sites but a table's own."""
        return self.transform(X, sites=sites, covariates=covariates)

    def fit_transform(  # pyright: ignore[reportIncompatibleMethodOverride] (the mixin's knows `fit`'s alone)
        self,
        X: Maps,
        y: ArrayLike | None = None,
        sites: ArrayLike | None = None,
        covariates: Covariates | None = None,
    ) -> NDArray[np.float32]:
        """Train on everybody, and give their codes."""
        fitted = self.fit(X, cast("ArrayLike", y), sites=sites, covariates=covariates)
        return fitted.transform(X, sites=sites, covariates=covariates)

    def save(self, folder: Path | str) -> None:
        """Write the network, the adjustment and the settings, but for what was borrowed; nobody's data."""
        from adhd_cvae.inference.adjustment import ADJUSTMENT, save_adjustment
        from adhd_cvae.models.weights import save_model

        check_is_fitted(self, "network_")
        place = Path(folder)
        save_model(self.network_, self.recipe_.image, place / _MODEL)
        if self.adjustment_ is None:  # another model's may lie there
            remove((place / ADJUSTMENT).with_suffix(".json"))
        else:
            save_adjustment(self.adjustment_, place / ADJUSTMENT)
        about = {"recipe": self.recipe_.model_dump(mode="json"), "new_site": self.new_site}
        write_json(about | {"classes": self.classes_.tolist()}, place / _ABOUT)

    @classmethod
    def load(cls, folder: Path | str) -> Self:
        """Read what `save` wrote, or the ``checkpoints`` of a run, which leave the settings of training unsaid.

        Raises
        ------
        InputError
            A file is missing or damaged.
        """
        from adhd_cvae.inference.adjustment import ADJUSTMENT, load_adjustment
        from adhd_cvae.models.weights import load_model

        place = Path(folder)
        network, image = load_model(place / _MODEL)
        adjustment, about = load_adjustment(place / ADJUSTMENT), read_object(place / _ABOUT)
        if not about and (place / _ABOUT).is_file():
            raise InputError(f"{_ABOUT} in {place.name}/ is damaged. Fit the model again, and save it.")
        adjusting = {} if adjustment is None else _adjusting(adjustment)
        settings = {"model": network.config, "image": image, "cohort": adjusting} | about.get("recipe", {})
        loaded = cls.from_recipe(Recipe.model_validate(settings))
        loaded.new_site = about.get("new_site", loaded.new_site)
        loaded.network_, loaded.adjustment_ = network, adjustment
        loaded.recipe_ = cast("Recipe", loaded.recipe)
        loaded.classes_ = np.array(about.get("classes", [False, True]))
        loaded.n_features_in_ = int(np.prod(image.shape))
        return loaded

    def _settings(self, *, has_sites: bool) -> Recipe:
        """Every setting."""
        settings = (self.recipe or Recipe()).model_dump()
        settings["seed"] = self.seed
        settings["model"] |= {"salient": self.salient, "background": self.background}
        settings["cohort"] |= {
            "harmonise": self.harmonise,
            "residualise": self.residualise,
            "background_from": tuple(map(str, self.background_from)),
        }
        if has_sites:
            settings["cohort"]["site"] = settings["cohort"]["site"] or "site"
        return Recipe.model_validate(settings)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        return tags


def _table(
    X: Maps, count: int, site: str | None, sites: ArrayLike | None, covariates: Covariates | None
) -> pd.DataFrame:
    """What is known of everybody: the columns of a table of paths, then what was given beside."""
    own = X.drop(columns="image").reset_index(drop=True) if isinstance(X, pd.DataFrame) else pd.DataFrame()
    given = pd.DataFrame({} if covariates is None else cast("Any", covariates)).reset_index(drop=True)
    if covariates is not None and len(given) != count:
        raise InputError(f"covariates has {len(given)} rows, expected one for each of {count} participants.")
    table = own.reindex(range(count)).assign(**{str(name): given[name] for name in given})
    known = sites_of(sites, count) is not None
    return table.assign(**{site: np.asarray(sites)}) if known and site is not None else table


def _check_columns(table: pd.DataFrame, needed: Sequence[str]) -> None:
    lacking = [name for name in needed if name not in table]
    if lacking:
        raise InputError(
            f"what the model needs of everybody is missing: {', '.join(lacking)}. Give sites=… and"
            " covariates=…, a table with these columns, or a table of paths that has them."
        )


def _adjusting(adjustment: "Adjustment") -> dict[str, Any]:
    return {
        "site": adjustment.site,
        "harmonise": "none" if adjustment.site is None else "combat",
        "residualise": adjustment.residualised,
        "covariates": adjustment.design.names,
    }
