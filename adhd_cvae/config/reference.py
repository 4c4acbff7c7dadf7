"""Settings of healthy anatomy that is learnt for others to borrow."""

from typing import Annotated

from pydantic import Field, PositiveInt

from adhd_cvae.config.settings import Settings


class ReferenceConfig(Settings):
    """What `adhd-cvae background` learns, and what of it may be given away."""

    least_participants: Annotated[int, Field(ge=10)] = 200
    """Healthy participants below which nothing is learnt: a clinic's own controls know as much."""
    most_axes: PositiveInt = 800
    """Principal axes kept: cohorts use those up to 0.2 to 0.4 of the participants, 400 to 800 of 2,000."""
    membership_axes: tuple[PositiveInt, ...] = (1, 2, 5, 10, 20, 50, 100, 200, 400, 800)
    """Numbers of axes at which it is asked how well members are told from others."""
    membership_folds: Annotated[int, Field(ge=2)] = 5
    """Parts of the participants, each in turn no member: more make the axes more like those that are given away."""
    shareable_auc: Annotated[float, Field(gt=0.5, le=1)] = 0.6
    """Area under the curve of telling members from others that `--shareable` leaves at most: little above chance, 0.5,
    which 100 members and 25 others miss by 0.06."""
