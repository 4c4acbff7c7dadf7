"""Which version of the registered model is the champion, by a rule that is written down.

The first version of a store becomes the champion; later ones only when `publish --promote` asks and they are better:

- ``out_of_fold/unexplained``: share of maps' variance that reconstructions by models that have not met the participant
  leave unexplained (residual over total sum of squares around the training mean, averaged over participants); lower is
  better.
- ``out_of_fold/leakage``: area under the curve with which the background code z of such models tells patients from
  controls; lower is better, and 0.5 (chance) is as good as it gets.

The registered model itself is fitted to everybody and never judged on them.

A version wins that is better in one and not worse in the other. Within `TIES` of each other, two numbers are equal;
with both equal the champion stays. A number that was not measured counts as 1, the worst. On another grid or smoothing
the shares do not compare, so such a version is refused. Other participants are allowed, and said.
"""

from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from adhd_cvae.errors import InputError
from pipelines.mlflow_tracking.model_registry import ALIAS, NAME

TIES = {"out_of_fold/unexplained": 0.005, "out_of_fold/leakage": 0.02}
"""Metric to the largest difference that counts as none."""
_WORST = 1.0


@dataclass(frozen=True)
class Champion:
    """The version that is champion, and a word on how it became that just now."""

    version: str
    note: str = ""


def choose_champion(client: MlflowClient, version: str, *, promote: bool) -> Champion:
    """Make `version` the champion where there is none, or where `promote` asks and it is better.

    Raises
    ------
    InputError
        It was asked for and refused; the line holds the numbers.
    """
    champion = champion_of(client)
    if champion is None:
        client.set_registered_model_alias(NAME, ALIAS, version)
        return Champion(version)
    if champion == version or not promote:
        return Champion(champion)
    new, old = (_run_of(client, found) for found in (version, champion))
    reasons = _not_comparable(new, old)
    numbers = _compared(new, old)
    if reasons or not is_better(new.data.metrics, old.data.metrics):
        why = reasons or "it must be better in one and not worse in the other"
        raise InputError(
            f"version {version} is not promoted over version {champion}, the {ALIAS}: {numbers}; {why}. "
            f"To move the alias all the same: MlflowClient().set_registered_model_alias('{NAME}', '{ALIAS}', "
            f"'{version}')."
        )
    client.set_registered_model_alias(NAME, ALIAS, version)
    elsewhere = "" if _digest(new) == _digest(old) else "; other data than the former champion's"
    return Champion(version, f"promoted over version {champion}: {numbers}{elsewhere}")


def champion_of(client: MlflowClient) -> str | None:
    """Find the version that has the alias; None where there is no such model or alias."""
    try:
        return str(client.get_model_version_by_alias(NAME, ALIAS).version)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def is_better(new: dict[str, float], old: dict[str, float]) -> bool:
    """Apply the rule to two runs' metrics."""
    gains = {name: old.get(name, _WORST) - new.get(name, _WORST) for name in TIES}
    # Compared with a billionth to spare: 0.52 - 0.50 is not 0.02 in binary.
    worse = any(gain < -TIES[name] - 1e-9 for name, gain in gains.items())
    return not worse and any(gain > TIES[name] + 1e-9 for name, gain in gains.items())


def _run_of(client: MlflowClient, version: str) -> Run:
    return client.get_run(str(client.get_model_version(NAME, version).run_id))


def _compared(new: Run, old: Run) -> str:
    parts = []
    for name, tie in TIES.items():
        after, before = (
            f"{run.data.metrics[name]:.4f}" if name in run.data.metrics else "not measured"
            for run in (new, old)
        )
        parts.append(f"{name} {after}, champion {before} (equal within {tie:g})")
    return "; ".join(parts)


def _not_comparable(new: Run, old: Run) -> str:
    """Name the settings of grid and smoothing that differ."""
    keys = sorted({key for run in (new, old) for key in run.data.params if key.startswith("image.")})
    differing = [
        f"{key} = {new.data.params.get(key)}, champion {old.data.params.get(key)}"
        for key in keys
        if new.data.params.get(key) != old.data.params.get(key)
    ]
    return f"they do not compare on different grids ({', '.join(differing)})" if differing else ""


def _digest(run: Run) -> list[str]:
    return [found.dataset.digest for found in run.inputs.dataset_inputs] if run.inputs else []
