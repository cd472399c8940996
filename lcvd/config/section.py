"""Base class of every section of the settings."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base class of all sections. Instances are immutable; an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
