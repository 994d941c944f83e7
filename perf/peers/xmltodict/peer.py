"""xmltodict and the standard library's json: no schema, no types, every value a string."""

import json

import xmltodict

from perf.peers.protocol import Step, serve


def to_json(body: bytes) -> bytes:
    """XML to JSON."""
    return json.dumps(xmltodict.parse(body), ensure_ascii=False, separators=(",", ":")).encode()


def to_xml(body: bytes) -> bytes:
    """JSON, as made by `to_json`, to XML."""
    return str(xmltodict.unparse(json.loads(body))).encode()


if __name__ == "__main__":
    serve(".xml", {"to-json": Step(to_json), "to-xml": Step(to_xml, to_json)})
