"""pydantic: JSON to models with all facets that JSON Schema says, and back to JSON. It has no XML."""

import json
import sys
from pathlib import Path

from perf.peers.protocol import Step, serve
from perf.peers.pydantic.models import Maker

SCHEMA = json.loads((Path(sys.argv[1]) / "schema.json").read_text())
ROOT = Maker(SCHEMA).of({key: SCHEMA[key] for key in ("type", "properties", "required")}, "Document")


def to_json(body: bytes) -> bytes:
    """JSON to validated JSON."""
    return str(ROOT.model_validate_json(body).model_dump_json(by_alias=True, exclude_none=True)).encode()


if __name__ == "__main__":
    serve(".json", {"json": Step(to_json)})
