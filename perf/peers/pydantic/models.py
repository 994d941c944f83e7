"""pydantic models made from the JSON Schema that we print: classes, choices of a bare or an attributed value, facets.

Patterns go to the library's own engine, written in Rust. Numbers are Decimals, as money has to be.
"""

from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, create_model

Schema = dict[str, Any]
FACETS = {"minLength": "min_length", "maxLength": "max_length", "pattern": "pattern"}
BOUNDS = {"minItems": "min_length", "maxItems": "max_length"}
LIMITS = {"minimum": "ge", "maximum": "le", "multipleOf": "multiple_of"}
PREFIX = "#/$defs/"


class Maker:
    """Makes the types of one schema, each definition once."""

    def __init__(self, schema: Schema) -> None:
        self.definitions: dict[str, Schema] = schema["$defs"]
        self.made: dict[str, Any] = {}

    def of(self, schema: Schema, name: str) -> Any:
        """The type of a schema."""
        if "$ref" in schema:
            return self.defined(schema["$ref"].removeprefix(PREFIX))
        if "anyOf" in schema:
            return reduce(or_, (self.of(each, f"{name}{number}") for number, each in enumerate(schema["anyOf"])))
        if "enum" in schema:
            return Literal[tuple(schema["enum"])]
        makers = {"object": self.model, "array": self.array, "string": self.text, "number": self.number}
        return makers[schema["type"]](schema, name)

    def defined(self, name: str) -> Any:
        """The type of a definition."""
        if name not in self.made:
            self.made[name] = self.of(self.definitions[name], name)
        return self.made[name]

    def model(self, schema: Schema, name: str) -> type[BaseModel]:
        """A class: no other properties than its own."""
        required = set(schema.get("required", ()))
        fields: dict[str, Any] = {}
        for number, (key, each) in enumerate(schema["properties"].items()):
            kind = self.of(each, f"{name}_{number}")
            fields[f"f{number}"] = (
                (kind, Field(alias=key)) if key in required else (kind | None, Field(default=None, alias=key))
            )
        return create_model(name, __config__=ConfigDict(extra="forbid", strict=False), **fields)

    def array(self, schema: Schema, name: str) -> Any:
        """What may repeat."""
        return Annotated[list[self.of(schema["items"], name)], Field(**_facets(schema, BOUNDS))]  # type: ignore[misc]

    def text(self, schema: Schema, name: str) -> Any:
        """A string with its facets."""
        return Annotated[str, Field(**_facets(schema, FACETS))]

    def number(self, schema: Schema, name: str) -> Any:
        """A number with its bounds."""
        return Annotated[Decimal, Field(**_facets(schema, LIMITS))]


def _facets(schema: Schema, names: dict[str, str]) -> dict[str, Any]:
    """The facets that are set, under the library's names. One that we do not know must not pass for checked."""
    known = {*names, "type", "items", "description"}
    if unknown := set(schema) - known:
        raise NotImplementedError(f"the facets {sorted(unknown)}")
    return {ours: schema[theirs] for theirs, ours in names.items() if theirs in schema}
