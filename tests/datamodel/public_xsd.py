"""The public schemas of the corpus, compiled by libxml2 as their publisher means them to be used."""

from pathlib import Path

from lxml import etree

ENVELOPE = "urn:wco:datamodel:WCO:DocumentMetaData-DMS:2"
FILES = {
    "wco-dms/3.6/DEC": ("declaration/DocumentMetaData_2_DMS.xsd", "declaration/WCO_DEC_2_DMS.xsd", "DEC-DMS:2"),
    "wco-dms/3.6/CANCEL": ("declaration/CANCEL_METADATA.xsd", "declaration/CANCEL.xsd", "DEC-DMS:2"),
    "wco-dms/3.6/RES": ("notification/DocumentMetaData_2_DMS.xsd", "notification/WCO_RES_2_DMS.xsd", "RES-DMS:2"),
}


def public_schema(corpus: Path, key: str) -> etree.XMLSchema:
    """The validator of a message: envelope and payload loaded together, because the wildcard between is strict."""
    envelope, payload, namespace = FILES[key]
    folder = corpus / "schemas"
    imports = ((ENVELOPE, envelope), (f"urn:wco:datamodel:WCO:{namespace}", payload))
    rows = "".join(f'<xs:import namespace="{uri}" schemaLocation="{folder / file}"/>' for uri, file in imports)
    return etree.XMLSchema(
        etree.fromstring(f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">{rows}</xs:schema>')
    )
