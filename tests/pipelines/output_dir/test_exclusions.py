"""Why nobody is left."""

import pandas as pd

from pipelines.output_dir.exclusions import nothing_left


def test_the_first_reasons_are_named_and_the_rest_counted():
    exclusions = pd.DataFrame(
        {"participant_id": [f"sub-{k}" for k in range(23)], "reason": "no_map", "detail": "x."}
    )
    lines = nothing_left(exclusions)
    assert lines[0] == "sub-0: no_map. x."
    assert len(lines) == 21
    assert lines[-1] == "nothing is left to work on (3 more in exclusions.tsv)."
