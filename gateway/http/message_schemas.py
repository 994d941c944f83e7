"""Messages of the data model in the OpenAPI description: by reference to the schemas that the gateway publishes.

JSON Schema has words for JSON alone; of a message as XML the description says where its XML Schema is.
"""

from collections.abc import Sequence
from typing import Any, Final

from gateway.docs.catalogue import PREFIX
from gateway.http.negotiate import SPELLINGS
from gateway.media import Format

ANY: Final = "any"  # stands for every message type that is published, in a row of the route table
_COMPONENTS: Final = "#/components/schemas/"
_NAMES: Final[dict[Format, str]] = {"json": "AnyMessage", "xml": "AnyMessageAsXML"}

COMPONENTS: Final[dict[str, dict[str, Any]]] = {
    _NAMES["json"]: {
        "type": "object",
        "minProperties": 1,
        "maxProperties": 1,
        "description": f"A message of a type that GET {PREFIX} lists: one property, with the name of its root element.",
    },
    _NAMES["xml"]: {
        "type": "string",
        "description": f"A message of a type that GET {PREFIX} lists, as XML.",
        "externalDocs": {"url": PREFIX},
    },
}


def content(forms: Sequence[Format], keys: Sequence[str]) -> dict[str, Any]:
    """Under each media type of the formats, the schema of a message of one of the types."""
    return {media: {"schema": _schema(form, keys)} for form in forms for media in SPELLINGS[form]}


def _schema(form: Format, keys: Sequence[str]) -> dict[str, Any]:
    schemas = [_one(form, key) for key in keys]
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _one(form: Format, key: str) -> dict[str, Any]:
    if key == ANY:
        return {"$ref": _COMPONENTS + _NAMES[form]}
    if form == "json":
        return {"$ref": f"{PREFIX}/{key}.schema.json"}
    return {"type": "string", "description": f"{key} as XML.", "externalDocs": {"url": f"{PREFIX}/{key}.xsd"}}
