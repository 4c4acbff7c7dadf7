"""The kinds of cohort."""

from pipelines.benchmarks.separation.grid import (
    BORROWED,
    CURVED,
    FULL,
    MISMATCHED,
    NULL,
    QUICK,
    Cell,
    Condition,
    grid,
)


def test_the_grids_move_one_thing_at_a_time():
    middle = Condition()
    for condition in (*QUICK, *FULL):
        different = [name for name in Condition._fields if getattr(condition, name) != getattr(middle, name)]
        assert len(different) <= 1 or different in (["cohens_d", "subtypes"], ["cohens_d", "population"])
    assert {condition.cohens_d for condition in FULL} == {0.2, 0.35, 0.5, 0.8, 1.4}
    assert {condition.n for condition in FULL} == {100, 250, 500}
    assert {condition.severities for condition in FULL} == {1, 2, 3}
    assert {condition.confounding for condition in FULL} == {0.0, 0.3, 0.6}
    cells = grid(5, size="full")
    assert len({cell.key for cell in cells}) == len(cells)
    assert sum(cell.condition.null for cell in cells) == 20
    assert set(grid(2, size="quick")) <= set(cells)


def test_a_cell_is_named_by_what_makes_it():
    assert (
        Cell(NULL, 3).key
        == "cohensd-0.8_n-250_severities-2_subtypes-0_confounding-0.3_population-0_null-1_seed-3"
    )
    assert Cell(NULL, 3).columns == {**NULL._asdict(), "seed": 3}


def test_a_curved_truth_stands_beside_the_linear_one_of_its_size():
    cells = grid(size="curved")
    assert {(one.truth, one.n) for one in CURVED} == {
        (truth, n) for truth in ("linear", "arc", "product") for n in (250, 1000, 2000)
    }
    assert len({cell.key for cell in cells}) == len(cells) == 3 * len(CURVED)
    arc = next(cell for cell in cells if cell.condition.truth == "arc")
    assert arc.key.endswith("_seed-0_truth-arc")
    assert arc.condition.simulation(seed=1).truth == "arc"


def test_a_condition_becomes_settings_of_the_simulator():
    condition = Condition(cohens_d=0.5, subtypes=3, confounding=0.6, population=1)
    config = condition.simulation(seed=7, participants=24)
    assert (config.participants, config.seed, config.cohens_d, config.subtypes) == (24, 7, 0.5, 3)
    assert (config.site_confound, config.population, config.null) == (0.6, 1, False)
    assert condition.simulation(seed=7).participants == 250


def test_clinics_that_borrow_are_asked_of_new_people():
    assert {(one.population, one.n, one.cohens_d) for one in BORROWED if not one.subtypes} == {
        (population, n, d) for population in (0, 1) for n in (100, 250) for d in (0.2, 0.35, 0.5, 0.8)
    }
    assert {one.lent for one in MISMATCHED} == {"smoothed", "population", "scanners", "older", "copies"}
    cells = [*grid(size="borrowed"), *grid(size="mismatched")]
    assert len({cell.key for cell in cells}) == len(cells) == 5 * (len(BORROWED) + len(MISMATCHED))
    assert all(cell.condition.simulation(0).participants == cell.condition.n + 400 for cell in cells)
    assert Cell(MISMATCHED[0], 2).key.endswith("_seed-2_lent-smoothed_new-400")
