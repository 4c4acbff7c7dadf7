"""The model card: counts, settings and measures; no participant and no place."""

from dataclasses import replace

from pipelines.mlflow_tracking.model_card import model_card


def test_the_card_counts_participants_and_names_none(published):
    card = model_card(published)
    assert "Invented: 20 patients, 20 controls" in card
    assert "`out_of_fold/leakage`: Area under the curve of telling patients from controls by z" in card
    assert "| `recovery/severity/salient/out_of_fold/r` | 0.450 |  |" in card
    assert "recovery/severity/background" not in card
    assert "| 0.300 | 0.269 to 0.331 |" in card
    assert "Patients are told.\n\nNot much else." in model_card(
        replace(published, answer=("Patients are told.", "Not much else."))
    )
    assert "| `tau/salient/age` | 0.250 |  |" in card
    assert "sub-" not in card
    assert str(published.results.paths.folder) not in card


def test_the_card_says_by_which_models_of_folds_it_was_measured(published):
    kinds = {"linear": "linear models", "same": "networks"}
    for kind, words in kinds.items():
        training = published.recipe.training.model_copy(update={"fold_models": kind})
        recipe = published.recipe.model_copy(update={"training": training})
        assert f"asked about by {words} that have not met them" in model_card(
            replace(published, recipe=recipe)
        )


def test_a_card_without_measures_says_so(published):
    published.__dict__["scores"] = {"out_of_fold/leakage": float("nan"), "seconds/train": 3.0}
    assert "seconds" not in model_card(published)
    published.__dict__["scores"] = {}
    assert "Nothing was measured." in model_card(published)
