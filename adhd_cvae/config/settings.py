"""What all settings are: frozen, complete, and strict about names."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

PositiveInt = Annotated[int, Field(gt=0)]


class Settings(BaseModel):
    """One section of a recipe; an unknown key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
