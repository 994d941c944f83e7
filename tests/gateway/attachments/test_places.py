"""Where documents stay: a folder, and a store that speaks S3 over HTTP."""

from collections.abc import Iterator
from hashlib import sha256
from urllib.request import Request, urlopen

import pytest
from moto.server import ThreadedMotoServer

from gateway.store.objects import PART, place_at

LONG = b"".join(sha256(bytes([number % 256])).digest() for number in range(PART // 8))  # four parts


@pytest.fixture
def bucket(monkeypatch) -> Iterator[str]:
    """A bucket of a store on this host, with the environment that names it."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    chosen = {"ENDPOINT": address, "ALLOW_HTTP": "true", "REGION": "us-east-1"}
    for name, value in {**chosen, "ACCESS_KEY_ID": "customs", "SECRET_ACCESS_KEY": "secret"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with urlopen(Request(f"{address}/documents", method="PUT")):
        pass
    yield "s3://documents/guichet"
    server.stop()


@pytest.fixture(params=["memory:///", "file://{folder}/elsewhere", "s3"])
def place(request, tmp_path):
    named = request.getfixturevalue("bucket") if request.param == "s3" else request.param.format(folder=tmp_path)
    return place_at(named, tmp_path / "beside")


async def test_documents_stay_where_the_setting_says(place):
    """A store that is no folder takes what came in here, in parts where it is long, and gives a part of it."""
    file = place.incoming / "gdoc"
    file.parent.mkdir(parents=True)
    file.write_bytes(LONG)
    await place.objects.put("gdoc", file)
    assert not file.exists()
    assert await place.objects.has("gdoc")
    assert b"".join([block async for block in place.objects.read("gdoc", 5, 8)]) == LONG[5:8]
    assert b"".join([block async for block in place.objects.read("gdoc", 0, len(LONG))]) == LONG
    await place.objects.delete("gdoc")
    await place.objects.delete("gdoc")
    assert not await place.objects.has("gdoc")


@pytest.mark.parametrize("url", ["nowhere://x", "file://relative", "s3://"])
def test_a_place_that_cannot_be_is_refused(tmp_path, url):
    with pytest.raises(ValueError, match="documents.url"):
        place_at(url, tmp_path)
