"""Guichet itself without its compiled codecs, as it runs where they were not compiled."""

from datamodel import native
from datamodel.registry import Registry
from perf.conversion import convert
from perf.options import SCHEMAS
from perf.peers.protocol import Step, serve

REGISTRY = Registry.load(SCHEMAS)


def to_json(body: bytes) -> bytes:
    """XML to validated JSON."""
    return convert(REGISTRY, body, "xml", "json")


def to_xml(body: bytes) -> bytes:
    """JSON to validated XML."""
    return convert(REGISTRY, body, "json", "xml")


if __name__ == "__main__":
    if native.AVAILABLE:
        raise SystemExit("the compiled codecs are in use; this peer is started with GUICHET_NATIVE=no")
    serve(".xml", {"to-json": Step(to_json), "to-xml": Step(to_xml, to_json)})
