"""xsdata: XML to generated dataclasses and on to JSON, and back. It checks types, and no facet of the schema.

Of its handlers and writers the quickest are taken, absent parts are left out, and the JSON is written in one piece by
`json.dumps`, which takes a third of the time of the library's own `JsonSerializer`.
"""

import json
import sys
from pathlib import Path

from xsdata.formats.dataclass.context import XmlContext
from xsdata.formats.dataclass.parsers import JsonParser, XmlParser
from xsdata.formats.dataclass.parsers.handlers import LxmlEventHandler
from xsdata.formats.dataclass.serializers import DictEncoder, DictFactory, XmlSerializer
from xsdata.formats.dataclass.serializers.writers import LxmlEventWriter

from perf.peers.protocol import Step, serve

sys.path.insert(0, str(Path(sys.argv[1]) / "xsdata"))
from generated import MetaData  # noqa: E402 - made by the library's generator at set-up

CONTEXT = XmlContext()
XML_IN = XmlParser(context=CONTEXT, handler=LxmlEventHandler)
XML_OUT = XmlSerializer(context=CONTEXT, writer=LxmlEventWriter)
JSON_IN, JSON_OUT = JsonParser(context=CONTEXT), DictEncoder(context=CONTEXT, dict_factory=DictFactory.FILTER_NONE)


def to_json(body: bytes) -> bytes:
    """XML to JSON."""
    return json.dumps(JSON_OUT.encode(XML_IN.from_bytes(body, MetaData)), ensure_ascii=False).encode()


def to_xml(body: bytes) -> bytes:
    """JSON, as made by `to_json`, to XML."""
    return str(XML_OUT.render(JSON_IN.from_bytes(body, MetaData))).encode()


if __name__ == "__main__":
    serve(".xml", {"to-json": Step(to_json), "to-xml": Step(to_xml, to_json)})
