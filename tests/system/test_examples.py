"""The examples do what they say, against a gateway with its agencies."""

import subprocess
import sys

from tests.system.conftest import ROOT, clean_environment


def follow(stage, file: str, key: str | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "docs/examples/follow.py", stage.url, file]
    environment = clean_environment(PYTHONPATH=str(ROOT)) | {"GUICHET_KEY": key or stage.trader_key}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, timeout=50, check=False)


async def test_a_declaration_is_followed_to_its_end_and_again(stage, tmp_path):
    sample = "schemas/samples/import-orchids-thailand.json"
    first = follow(stage, sample)
    assert first.returncode == 0, first.stderr.decode()
    lines = first.stdout.decode().splitlines()
    assert "accepted at" in lines[0]
    assert any(line.endswith("released") for line in lines)
    assert sum("granted" in line and ": " in line for line in lines[-2:]) == 2, "both agencies, each with its permits"
    again = follow(stage, sample)
    assert again.stdout.decode().splitlines()[1:] == lines[1:]
    assert "before" in again.stdout.decode().splitlines()[0]
    broken = tmp_path / "broken.xml"
    broken.write_bytes((ROOT / sample).with_suffix(".xml").read_bytes().replace(b"TypeCode>", b"TypoCode>"))
    refused = follow(stage, str(broken))
    assert refused.returncode == 1
    assert b"element.unknown" in refused.stderr
