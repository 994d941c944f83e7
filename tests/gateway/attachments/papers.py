"""Documents for tests, made as the programs that write them do, and the few calls that every test makes."""

import base64
import io
import zipfile
from hashlib import sha256

import msgspec

from tests.gateway.http.conftest import House, Reply, read_sample

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
PNG = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(20)
_OPEN = "application/vnd.openxmlformats-officedocument."
SHEET = f"{_OPEN}spreadsheetml.sheet"
KINDS = {
    "invoice.pdf": (PDF, "application/pdf"),
    "scan.png": (PNG, "image/png"),
    "photo.jpg": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(40), "image/jpeg"),
    "page.tif": (b"II*\x00" + bytes(40), "image/tiff"),
    "list.xml": (b"<?xml version='1.0'?><list><item/></list>", "application/xml"),
    "list.csv": (b"item;mass\n1;20\n", "text/csv"),
    "note.txt": ("Ein Brief über Blumen\n".encode(), "text/plain"),
}


def office(parts: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A spreadsheet, with these parts beside those that make it one."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in {"[Content_Types].xml": b"<Types/>", "xl/workbook.xml": b"<workbook/>", **parts}.items():
            archive.writestr(name, content)
    return stream.getvalue()


def digest(body: bytes) -> str:
    return sha256(body).hexdigest()


def digest_header(body: bytes) -> str:
    return f"sha-256=:{base64.b64encode(sha256(body).digest()).decode()}:"


async def send(house: House, body: bytes = PDF, name: str = "invoice.pdf", caller: str = "trader", **headers) -> Reply:
    return await house.call("POST", f"/v1/documents?name={name}", caller, body, **headers)


async def sent(house: House, body: bytes = PDF, name: str = "invoice.pdf", caller: str = "trader") -> str:
    """A document that was taken; its id."""
    reply = await send(house, body, name, caller)
    assert reply.status == 201, reply.body
    return reply.json["id"]


def naming(document: str, sample: str = "import-hotel-supplies", items: tuple[int, ...] = (0,)) -> bytes:
    """A sample declaration in which goods items refer to a document as one of type N853."""
    declaration = msgspec.json.decode(read_sample(f"{sample}.json"))
    for at in items:
        item = declaration["MetaData"]["Declaration"]["GoodsShipment"]["GovernmentAgencyGoodsItem"][at]
        named = {"CategoryCode": "N", "ID": document, "TypeCode": "853"}
        item["AdditionalDocument"] = [*item.get("AdditionalDocument", []), named]
    return msgspec.json.encode(declaration)
