"""Base classes of the shapes of files, and the source of files that several of them name."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from graphfuse.files.toml import refused
from graphfuse.schema.names import Name

SCHEMA = 1


def _as_list(value):
    """One word as a list of one; anything else as it is."""
    return [value] if isinstance(value, str) else value


Words = Annotated[list[str], BeforeValidator(_as_list)]
Text = Annotated[str, BeforeValidator(str)]


class _Built(type(BaseModel)):
    """Makes faults of a shape that is built in Python read like those of a file."""

    def __call__(cls, **given):
        try:
            return super().__call__(**given)
        except ValidationError as error:
            raise refused(error, given, cls, cls.__name__) from None


class Shape(BaseModel, metaclass=_Built):
    """A table of known keys; any other key is a fault."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Section(Shape):
    """A table of a recipe; its numbers are finite."""

    model_config = ConfigDict(allow_inf_nan=False)


class Described(Shape):
    """The keys by which every manifest, recipe and network card describes itself."""

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
        """Refuses sources with no origin, with several, or without the hash of a download."""
        given = [origin for origin in (self.pypi, self.url, self.path) if origin is not None]
        if len(given) != 1:
            raise ValueError("give exactly one of pypi, url, path")
        if self.path is None and self.sha256 is None:
            raise ValueError("sha256 is required for pypi and url sources")
        return self


class Card(Described):
    """The keys by which every card says where its files come from."""

    version: str = ""
    how_to_get: str = ""
    source: list[Source] = []
