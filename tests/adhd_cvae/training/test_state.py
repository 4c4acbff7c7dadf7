"""Everything that changes during training."""

import numpy as np
import pytest
import torch

from adhd_cvae.models.network import ContrastiveVAE
from adhd_cvae.training.state import channels_last, new_state
from tests.adhd_cvae.training.small import RECIPE, SHAPE, recipe, same


def state_of(asked=RECIPE, seed=0):
    torch.manual_seed(seed)
    model, maps = ContrastiveVAE(asked.model, SHAPE, 10), np.zeros((0, *SHAPE))
    return new_state(model, maps, asked.objective, asked.training, torch.float32)


@pytest.mark.parametrize(
    ("objective", "has_critic", "has_classifier"),
    [({}, True, False), ({"total_correlation": 0.0}, False, False), ({"classification": 1.0}, True, True)],
)
def test_there_is_what_the_objective_needs(objective, has_critic, has_classifier):
    state = state_of(recipe(objective=objective))
    assert (state.critic is not None, state.classifier is not None) == (has_critic, has_classifier)
    assert {"model", "optimiser", "scaler"} <= set(state.parts())


def test_linear_maps_learn_at_a_share_of_their_size():
    state = state_of()
    linear = state.model.decoder.linear
    assert linear is not None
    size = float(linear.weight.detach().square().mean().sqrt())
    rates = {id(one): group["lr"] for group in state.optimiser.param_groups for one in group["params"]}
    assert rates[id(linear.weight)] == pytest.approx(RECIPE.training.linear_learning_rate * size)


def test_the_best_model_stays_while_others_come():
    state = state_of()
    state.keep_best(2.0)
    first = {name: value.clone() for name, value in state.model.state_dict().items()}
    with torch.no_grad():
        state.model.log_noise.add_(1.0)
    state.keep_best(3.0)
    assert (state.best_loss, state.stale_epochs) == (2.0, 1)
    assert same(state.best_model, first)


def test_restoring_undoes_everything_since():
    state, other = state_of(), state_of(seed=1)
    state.history.append({"epoch": 0})
    state.keep_best(1.0)
    other.restore(state.state())
    assert same(other.model.state_dict(), state.model.state_dict())
    assert (other.history, other.best_loss, other.stale_epochs) == ([{"epoch": 0}], 1.0, 0)


def test_the_layout_of_convolutions_changes_no_value():
    torch.manual_seed(0)
    model = ContrastiveVAE(recipe(model={"trunk": "convolutions", "channels": [2, 4]}).model, SHAPE, 10)
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    after = channels_last(model).state_dict()
    assert all(np.array_equal(after[name].numpy(), before[name]) for name in before)
