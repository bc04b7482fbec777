"""What every shape on disk has in common."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from graphfuse.files.toml import refused
from graphfuse.schema.names import Name

SCHEMA = 1

Words = Annotated[list[str], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)]
Text = Annotated[str, BeforeValidator(str)]


class _Built(type(BaseModel)):
    """What is wrong with a shape that Python builds is told as of one that is read."""

    def __call__(cls, **given):
        try:
            return super().__call__(**given)
        except ValidationError as error:
            raise refused(error, given, cls, cls.__name__) from None


class Shape(BaseModel, metaclass=_Built):
    """A table of known keys; anything else is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Section(Shape):
    """A table of a recipe; its numbers are finite."""

    model_config = ConfigDict(allow_inf_nan=False)


class Described(Shape):
    """What every file of ours says of itself."""

    name: Name
    title: str = ""
    licence: str = ""
    citation: str = ""


class Source(Shape):
    """Where files come from: exactly one of a wheel on the package index, an address, a folder or
    archive."""

    pypi: str | None = None
    url: str | None = None
    path: str | None = None
    sha256: str | None = Field(None, pattern="^[0-9a-fA-F]{64}$")
    root: str = ""

    @model_validator(mode="after")
    def one_origin(self) -> Source:
        if sum(origin is not None for origin in (self.pypi, self.url, self.path)) != 1:
            raise ValueError("give exactly one of pypi, url, path")
        if self.path is None and self.sha256 is None:
            raise ValueError("sha256 is required for pypi and url sources")
        return self
