"""exclusions.tsv in words."""

import pandas as pd

_REASONS_SHOWN = 20


def nothing_left(exclusions: pd.DataFrame) -> list[str]:
    """Say, one line each, why nobody is left."""
    lines = [
        f"{row['participant_id']}: {row['reason']}. {row['detail']}"
        for _, row in exclusions.head(_REASONS_SHOWN).iterrows()
    ]
    more = len(exclusions) - len(lines)
    return [*lines, f"nothing is left to work on{f' ({more} more in exclusions.tsv)' if more > 0 else ''}."]
