"""The model card: counts, settings and measures; no participant and no place."""

from pipelines.mlflow_tracking.model_card import model_card


def test_the_card_counts_participants_and_names_none(published):
    card = model_card(published)
    assert "Invented: 20 patients, 20 controls" in card
    assert "`held_out/leakage`: Balanced accuracy" in card
    assert "| `tau/salient/age` | 0.250 |" in card
    assert "sub-" not in card
    assert str(published.results.paths.folder) not in card


def test_a_card_without_measures_says_so(published):
    published.__dict__["scores"] = {"held_out/leakage": float("nan"), "seconds/train": 3.0}
    assert "seconds" not in model_card(published)
    published.__dict__["scores"] = {}
    assert "Nothing was measured." in model_card(published)
