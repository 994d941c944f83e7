"""The lines on tokens in docs/api.md do what they say: they are taken from it as they stand and run."""

import re
import subprocess

import msgspec

from tests.system.conftest import ROOT, clean_environment


async def test_the_curl_lines_get_a_token_and_use_it(curl, stage):
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    [block] = [each for each in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "/oauth2/token" in each]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        env=clean_environment(URL=stage.url, KEY=stage.trader_key),
        cwd=ROOT,
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    assert (
        msgspec.json.decode(done.stderr.partition(b"{")[1] + done.stderr.partition(b"{")[2])["scope"] == "read validate"
    )
    told, status, server, keys = done.stdout.splitlines()
    assert "notifications" in msgspec.json.decode(told)
    assert status == b"403"
    assert msgspec.json.decode(server)["token_endpoint"] == f"{stage.url}/oauth2/token"
    assert len(msgspec.json.decode(keys)["keys"]) == 1
