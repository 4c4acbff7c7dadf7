"""What all settings are: frozen, complete, and strict about names."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """One section of a recipe; an unknown key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")
