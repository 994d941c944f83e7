"""Batches for tests: declarations with references of their own, in each of the three containers."""

import io
import json
import re
import zipfile

from tests.gateway.http.conftest import House, Reply, Wire, read_sample

PATH = "/v1/batches"
NDJSON = "application/x-ndjson"
SAMPLE = "export-wooden-furniture-norway"  # no agency wants it
REFERENCE = "<FunctionalReferenceID>"


def as_json(reference: str) -> bytes:
    """A declaration on one line, its numbers digit for digit."""
    text = re.sub(r"\n\s*", "", read_sample(f"{SAMPLE}.json").decode())
    return re.sub('("FunctionalReferenceID": ?)"[^"]*"', rf'\1"{reference}"', text).encode()


def as_xml(reference: str) -> bytes:
    head, _, rest = read_sample(f"{SAMPLE}.xml").decode().partition(REFERENCE)
    return f"{head}{REFERENCE}{reference}{rest[rest.index('<') :]}".encode()


def envelope(key: str, declaration: bytes) -> bytes:
    return b'{"key":%s,"declaration":%s}' % (json.dumps(key).encode(), declaration)


def lines(*references: str) -> bytes:
    """A batch whose items go by their references."""
    return b"\n".join(envelope(each, as_json(each)) for each in references)


def multipart(parts: dict[str, bytes], boundary: str = "limit") -> bytes:
    """Each part goes by its file name."""
    made = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode() + body
        for name, body in parts.items()
    ]
    return b"\r\n".join([*made, f"--{boundary}--\r\n".encode()])


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return packed.getvalue()


def records(body: bytes) -> list[dict]:
    return [json.loads(line) for line in body.splitlines()]


async def send(house: House, body, media: str = NDJSON, key: str | None = None, **headers: str) -> Reply:
    if key:
        headers["Idempotency_Key"] = key
    return await house.post(PATH, body, media, **headers)


async def sent(house: House, body, media: str = NDJSON, key: str | None = None, **more) -> tuple[list[dict], dict]:
    """A batch that is taken: the records of its items, and the last one."""
    reply = await send(house, body, media, key, **more)
    assert (reply.status, reply.media) == (200, NDJSON), reply.body
    *items, end = records(reply.body)
    return items, end


def head(house: House, key: str = "wire", media: str = NDJSON) -> list[str]:
    """The head of a batch that comes in chunks, for a `Wire`."""
    return [
        f"POST {PATH} HTTP/1.1",
        f"Host: {house.host}",
        f"Authorization: Bearer {house.keys['trader']}",
        f"Content-Type: {media}",
        f"Idempotency-Key: {key}",
        "Transfer-Encoding: chunked",
        "",
    ]


def chunk(body: bytes) -> bytes:
    """A chunk; one without a body is the last."""
    return b"%x\r\n%s\r\n" % (len(body), body)


async def until(wire: Wire, word: bytes) -> bytes:
    """Reads on to the end of the line that holds a word; that line."""
    while word not in (line := await wire.reader.readuntil(b"\n")):
        pass
    return line
