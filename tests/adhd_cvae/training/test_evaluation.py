"""What a network is worth on others, whatever it sees of them."""

from dataclasses import replace

import pytest
import torch

from adhd_cvae.training import evaluation
from adhd_cvae.training.evaluation import evaluate
from tests.adhd_cvae.training.small import RECIPE, rows_of, trainer_of


def test_scores_are_worth_what_maps_are_and_the_mean_map_less(data):
    images, cohort, _ = data
    rows = rows_of(cohort, RECIPE)
    state = trainer_of(RECIPE).start(images, rows)
    on_maps = replace(state, model=state.model_of_maps(), maps=images)
    measured = []
    for one in (state, on_maps):
        torch.manual_seed(0)
        measured.append(evaluate(one, rows.validation, rows.is_target, RECIPE.objective))
    for name in ("nats", "mean_nats", "unexplained", "loss", "kl_background"):
        assert measured[0][name] == pytest.approx(measured[1][name], rel=1e-3), name
    assert measured[0]["nats"] < measured[0]["mean_nats"]


def test_means_do_not_depend_on_the_size_of_batches(data, monkeypatch):
    images, cohort, _ = data
    rows = rows_of(cohort, RECIPE)
    state = trainer_of(RECIPE).start(images, rows)
    once = evaluate(state, rows.fitted, rows.is_target, RECIPE.objective)
    monkeypatch.setattr(evaluation, "EVALUATION_BATCH", 8)
    parts = evaluate(state, rows.fitted, rows.is_target, RECIPE.objective)
    for name in ("unexplained", "kl_background", "likelihood"):
        assert parts[name] == pytest.approx(once[name], rel=1e-4), name
