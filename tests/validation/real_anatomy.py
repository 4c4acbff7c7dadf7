"""Effects planted in real people's regional volumes: what borrowing from other people on other scanners changes.

    python -m tests.validation.real_anatomy FOLDER --volumes TABLE --splits 100

The table has a column `scanner`, head size `tiv` and volumes of regions, mm³; all other columns but `person` are
regions. Half of the scanners give the cohort and new people of theirs, the other half the reference.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import numpy as np
import pandas as pd
import typer
from joblib import Parallel, delayed
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegressionCV, RidgeCV
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits

from adhd_cvae import LinearContrast, ReferenceBackground
from adhd_cvae.io import read_tsv, write_tsv
from pipelines.cli.options import OutputDir
from tests.validation.linear_before import BEFORE, codes_of_before
from tests.validation.same_results.run import checkout

FIRST_SEED = 1000
"""No seed that a setting was chosen on."""
EFFECTS = (0.0, 0.2, 0.35, 0.5, 0.8)
SEVERITIES, REGIONS, NEW, LENT = 2, 6, 60, 200
"""Severities, regions of each, fewest new people, fewest who lend."""
SALIENT, BACKGROUND = 8, 48
_PENALTIES = np.logspace(-2, 5, 20)


class Split(NamedTuple):
    """A cohort and new people of the same scanners; features (n, regions), severities (n, 2), 0 in controls."""

    fitted: np.ndarray
    """(n,) bool."""
    features: np.ndarray
    is_target: np.ndarray
    severities: np.ndarray
    lent: np.ndarray
    """(m, regions) of other people on other scanners."""
    lent_scanners: np.ndarray


def freed(table: pd.DataFrame) -> pd.DataFrame:
    """Log volumes less what head size and scanner say, of standard deviation one; rows are the table's."""
    regions = table.drop(columns=["scanner", "tiv", "person"], errors="ignore")
    volumes = np.log(regions.to_numpy(dtype=float) + 1)
    scanners = table["scanner"].to_numpy()
    design = np.column_stack(
        [np.log(table["tiv"]), *(scanners == one for one in np.unique(scanners))]
    ).astype(float)
    left = volumes - design @ np.linalg.lstsq(design, volumes, rcond=None)[0]
    return pd.DataFrame(left / left.std(axis=0), columns=regions.columns)


def split(
    values: np.ndarray, scanners: np.ndarray, participants: int, effect: float, seed: int
) -> Split | None:
    """Half of the scanners, groups and effects as the seed has it; None where no half is large enough."""
    rng, names = np.random.default_rng(seed), np.unique(scanners)
    for _ in range(200):
        theirs = np.isin(scanners, rng.permutation(names)[: len(names) // 2])
        if theirs.sum() >= participants + NEW and (~theirs).sum() >= LENT:
            break
    else:
        return None
    rows = rng.permutation(np.flatnonzero(theirs))
    is_target = rng.permutation(np.arange(len(rows)) % 2 == 1)
    severities = rng.gamma(2, 0.5, (len(rows), SEVERITIES)) * is_target[:, None]
    features = values[rows]
    for one in severities.T:
        features[:, rng.choice(values.shape[1], REGIONS, replace=False)] -= effect * one[:, None]
    fitted = np.arange(len(rows)) < participants
    return Split(fitted, features, is_target, severities, values[~theirs], scanners[~theirs])


def recovered(codes: np.ndarray, given: Split) -> float:
    """Mean r of severities that ridge regression predicts from codes in new patients."""
    known, new = given.fitted & given.is_target, ~given.fitted & given.is_target
    found = [
        (RidgeCV(_PENALTIES).fit(codes[known], one[known]).predict(codes[new]), one[new])
        for one in given.severities.T
    ]
    return float(np.mean([np.corrcoef(*both)[0, 1] if np.ptp(both[0]) > 1e-9 else 0 for both in found]))


def measured(given: Split, before: Path | None) -> Iterator[dict[str, object]]:
    """`r` from s, and AUC `of_s_00` or of a classifier, in new people, by each method."""
    fitted, y = given.fitted, given.is_target
    new = ~fitted
    part = given.features[fitted], y[fitted]

    def told(scores: np.ndarray) -> float:
        return float(roc_auc_score(y[new], scores[new]))

    reference = ReferenceBackground().fit(given.lent, sites=given.lent_scanners)
    models = {
        "borrowed": LinearContrast(SALIENT, BACKGROUND, [reference]).fit(*part),
        "own": LinearContrast(SALIENT, BACKGROUND).fit(*part),
    }
    for name, model in models.items():
        codes = model.transform(given.features)[:, :SALIENT]
        form = model.forms_[0].name if model.forms_ else "start"
        yield {"method": name, "r": recovered(codes, given), "auc": told(codes[:, 0]), "form": form}
    if before is not None:
        codes = codes_of_before(given.features, fitted, y, before)
        yield {"method": BEFORE, "r": recovered(codes, given), "auc": told(codes[:, 0])}
    yield {"method": "ridge that is told the truth", "r": recovered(given.features, given)}
    classifiers = {
        "shrinkage LDA": LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        "ridge logistic regression": LogisticRegressionCV(Cs=13, cv=5, max_iter=5000),
    }
    for name, classifier in classifiers.items():
        yield {"method": name, "auc": told(classifier.fit(*part).decision_function(given.features))}


@threadpool_limits.wrap(limits=1)
def cell(
    table: pd.DataFrame, participants: int, effect: float, seed: int, before: Path | None, file: Path
) -> None:
    """Measure one split and write its table; an empty one where no half of the scanners is large enough."""
    given = split(freed(table).to_numpy(), table["scanner"].to_numpy(), participants, effect, seed)
    rows = [] if given is None else list(measured(given, before))
    found = pd.DataFrame(rows, columns=["method", "r", "auc", "form"])
    write_tsv(found.assign(n=participants, cohens_d=effect, seed=seed), file)


def gains(rows: pd.DataFrame) -> pd.DataFrame:
    """Mean of each method by effect, and the borrowed one's paired gain over it, 95 % interval over splits."""
    found = []
    for effect, part in rows.groupby("cohens_d"):
        for measure in ("r", "auc"):
            wide = part.pivot_table(index="seed", columns="method", values=measure)
            for method in wide:
                gain = wide["borrowed"] - wide[method]
                row = {"cohens_d": effect, "measure": measure, "method": method, "splits": len(gain)}
                half = 1.96 * gain.std() / np.sqrt(len(gain))
                row |= {"value": wide[method].mean(), "sd": wide[method].std()}
                found.append(
                    row | {"gain": gain.mean(), "low": gain.mean() - half, "high": gain.mean() + half}
                )
    return pd.DataFrame(found)


def main(
    output_dir: OutputDir,
    volumes: Annotated[Path, typer.Option("--volumes", help="Regional volumes of real people on scanners.")],
    splits: Annotated[int, typer.Option("--splits", min=2, help="Of each effect.")] = 100,
    participants: Annotated[int, typer.Option("--participants", min=40, help="Of each cohort.")] = 100,
    effects: Annotated[str, typer.Option("--effects", help="Planted, Cohen's d.")] = ",".join(
        map(str, EFFECTS)
    ),
    compare: Annotated[bool, typer.Option(help=f"With the linear start of {BEFORE} too.")] = True,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="Processes of one core each.")] = 1,
) -> None:
    """Mean r and AUC of each method, and paired gains; a file a split, resumed by itself."""
    table, store = read_tsv(volumes), output_dir.resolve() / "splits"
    store.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        before = checkout(BEFORE, Path(folder) / BEFORE) if compare else None
        files = {
            (float(effect), seed): store / f"n-{participants}_d-{effect}_{seed}.tsv"
            for seed in range(FIRST_SEED, FIRST_SEED + splits)
            for effect in effects.split(",")
        }
        Parallel(n_jobs=jobs)(
            delayed(cell)(table, participants, *asked, before, file)
            for asked, file in files.items()
            if not file.is_file()
        )
    rows = pd.concat([read_tsv(file) for file in files.values()], ignore_index=True)
    found = gains(rows)
    write_tsv(found, output_dir / "gains.tsv")
    typer.echo(found.round(3).to_string(index=False))
    forms = rows[rows["method"] == "borrowed"].groupby("cohens_d")["form"].value_counts(normalize=True)
    typer.echo(forms.round(2).to_string())


if __name__ == "__main__":
    typer.run(main)
