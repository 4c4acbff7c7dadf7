"""Which version of the registered model is the champion, by a rule that is written down.

The first version of a store becomes the champion; later ones only when `publish --promote` asks and they are better:

- ``out_of_fold/unexplained``: share of maps' variance that reconstructions by models that have not met the participant
  leave unexplained (residual over total sum of squares around the training mean, averaged over participants); lower is
  better.
- ``out_of_fold/leakage``: area under the curve with which the background code z of such models tells patients from
  controls; lower is better, and 0.5 (chance) is as good as it gets.

The registered model itself is fitted to everybody and never judged on them.

A version wins that is better in one and not worse in the other. Within `TIES` of each other two numbers are equal, and
better is only what has the champion's number outside of its 95 % interval; with both equal the champion stays. A
number that was not measured counts as 1, the worst. On another grid or smoothing the shares do not compare, so such a
version is refused. Other participants are allowed, and said.

A rehearsal, a model of simulated maps or of a recipe of `REHEARSED`, is champion only among rehearsals: the first other
model of a store takes the alias from it.
"""

from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from adhd_cvae.errors import InputError
from pipelines.mlflow_tracking.model_registry import ALIAS, NAME
from pipelines.recipes.differences import GRID

TIES = {"out_of_fold/unexplained": 0.005, "out_of_fold/leakage": 0.02}
"""Metric to the largest difference that counts as none."""
REHEARSED = ("smoke", "demo")
"""Recipes whose numbers mean nothing."""
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
    champion, run = champion_of(client), _run_of(client, version)
    if is_rehearsal(run) and (others := _others_than_rehearsals(client, version)):
        if promote:
            raise InputError(
                f"version {version} is a rehearsal (a recipe such as {REHEARSED[0]}, or simulated maps) and never the "
                f"{ALIAS} beside models of real cohorts (version {', '.join(others)})."
            )
        return Champion(champion or "none")
    if champion is None:
        client.set_registered_model_alias(NAME, ALIAS, version)
        return Champion(version)
    before = _run_of(client, champion)
    if is_rehearsal(before) and not is_rehearsal(run):
        client.set_registered_model_alias(NAME, ALIAS, version)
        return Champion(version, f"takes the place of version {champion}, a rehearsal")
    if champion == version or not promote:
        return Champion(champion)
    return Champion(version, _promoted(client, (version, run), (champion, before)))


def _promoted(client: MlflowClient, new: tuple[str, Run], old: tuple[str, Run]) -> str:
    """Move the alias to a version that is better; return the numbers, or raise with them."""
    (version, run), (champion, before) = new, old
    reasons, numbers = _not_comparable(run, before), _compared(run, before)
    if reasons or not is_better(run.data.metrics, before.data.metrics):
        why = reasons or "it must be better in one, by more than its interval, and not worse in the other"
        raise InputError(
            f"version {version} is not promoted over version {champion}, the {ALIAS}: {numbers}; {why}. "
            f"To move the alias all the same: MlflowClient().set_registered_model_alias('{NAME}', '{ALIAS}', "
            f"'{version}')."
        )
    client.set_registered_model_alias(NAME, ALIAS, version)
    elsewhere = "" if _digest(run) == _digest(before) else "; other data than the former champion's"
    return f"promoted over version {champion}: {numbers}{elsewhere}"


def is_rehearsal(run: Run) -> bool:
    """Whether a run's model is of simulated maps, where alone recovery is known, or of a recipe for trying out."""
    recipe = run.data.tags.get("recipe", run.data.params.get("recipe"))
    return recipe in REHEARSED or any(name.startswith("recovery/") for name in run.data.metrics)


def _others_than_rehearsals(client: MlflowClient, version: str) -> list[str]:
    """Other versions that are of real cohorts; one whose run is gone counts as such."""
    found = []
    for one in client.search_model_versions(f"name = '{NAME}'"):
        if str(one.version) == version:
            continue
        try:
            rehearsal = is_rehearsal(client.get_run(str(one.run_id)))
        except MlflowException:
            rehearsal = False
        found += [] if rehearsal else [str(one.version)]
    return sorted(found, key=int)


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
    better = [name for name, gain in gains.items() if gain > TIES[name] + 1e-9]
    return not worse and any(old.get(name, _WORST) > new.get(f"{name}/high", -1.0) for name in better)


def _run_of(client: MlflowClient, version: str) -> Run:
    return client.get_run(str(client.get_model_version(NAME, version).run_id))


def _compared(new: Run, old: Run) -> str:
    parts = []
    for name, tie in TIES.items():
        after, before = (_shown(run.data.metrics, name) for run in (new, old))
        parts.append(f"{name} {after}, champion {before} (equal within {tie:g})")
    return "; ".join(parts)


def _shown(metrics: dict[str, float], name: str) -> str:
    """A number, and its interval where it is known."""
    if name not in metrics:
        return "not measured"
    ends = [metrics.get(f"{name}/{end}") for end in ("low", "high")]
    return f"{metrics[name]:.4f}" + ("" if None in ends else f" [{ends[0]:.4f} to {ends[1]:.4f}]")


def _not_comparable(new: Run, old: Run) -> str:
    """Name the settings of grid and smoothing that differ."""
    keys = [key for key in GRID if key in new.data.params or key in old.data.params]
    differing = [
        f"{key} = {new.data.params.get(key)}, champion {old.data.params.get(key)}"
        for key in keys
        if new.data.params.get(key) != old.data.params.get(key)
    ]
    return f"they do not compare on different grids ({', '.join(differing)})" if differing else ""


def _digest(run: Run) -> list[str]:
    return [found.dataset.digest for found in run.inputs.dataset_inputs] if run.inputs else []
