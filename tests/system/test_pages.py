"""The pages in a real browser: their script runs, under the gateway's policy too, and finds what is searched for."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from lxml import etree

from tests.system.conftest import GUICHET, clean_environment, missing

DEC = "packages/wco-dms/3.6/DEC.html"
NAMES = ("chromium", "chromium-browser", "google-chrome")


class Browser:
    """Chromium without a window. Fails a test whose page complains on the console."""

    def __init__(self, program: str, folder: Path) -> None:
        self.program, self.folder = program, folder

    def open(self, address: str) -> etree._Element:
        """The document of an address when its scripts are done."""
        command = [
            self.program,
            "--headless=new",
            "--no-sandbox",  # the pages are our own, and containers have no sandbox
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--enable-logging=stderr",
            f"--user-data-dir={self.folder}",
            "--virtual-time-budget=5000",
            "--dump-dom",
            address,
        ]
        done = subprocess.run(command, capture_output=True, timeout=50, check=True)
        assert not re.findall(rb"CONSOLE.*", done.stderr)
        return etree.HTML(done.stdout.decode())


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        missing("no Chromium here to look at the pages with")
    return Browser(str(program), tmp_path / "profile")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the command builds."""
    folder = tmp_path_factory.mktemp("site")
    command = [GUICHET, "docs", "build", "--out", folder]
    subprocess.run(command, env=clean_environment(), check=True, capture_output=True, timeout=50)
    return folder


def shown(page: etree._Element, path: str = "//table[@id='tree']/tbody/tr") -> list[str]:
    """Ids of the rows that a reader sees."""
    return page.xpath(f"{path}[not(@hidden)]/@id")


def text(page: etree._Element, path: str) -> str:
    return " ".join(page.xpath(path)[0].itertext())


def test_a_message_opens_at_its_payload(browser, site):
    page = browser.open((site / DEC).as_uri())
    rows = shown(page)
    assert "MetaData/Declaration/GoodsShipment" in rows
    assert "MetaData/Declaration/GoodsShipment/Consignee" not in rows, "deeper classes are folded"
    assert text(page, "//aside/h2") == "Declaration"


def test_a_search_shows_what_fits_and_the_way_to_it(browser, site):
    page = browser.open((site / DEC).as_uri() + "#q=TariffQuantity")
    rows = shown(page)
    assert rows[0] == "MetaData"
    fitting = [row for row in rows if row.endswith("TariffQuantity")]
    assert len(fitting) == 1
    assert all(fitting[0].startswith(row) for row in rows)
    assert text(page, "//*[@id='count']").startswith("1 of ")
    assert text(page, "//mark") == "TariffQuantity"


@pytest.mark.parametrize("sought", ["5072", "n..16,3", "currencies"])
def test_a_search_knows_tags_formats_and_code_lists(browser, site, sought):
    rows = shown(browser.open((site / DEC).as_uri() + f"#q={sought}"))
    assert "MetaData/Declaration/InvoiceAmount" in rows
    assert "MetaData/Declaration/FunctionCode" not in rows


def test_a_search_without_result_says_so(browser, site):
    page = browser.open((site / DEC).as_uri() + "#q=nothing+of+the+kind")
    assert shown(page) == []
    assert page.xpath("//*[@id='nothing'][not(@hidden)]")


def test_a_link_to_a_position_opens_the_way_to_it_and_tells_about_it(browser, site):
    path = "MetaData/Declaration/GoodsShipment/GovernmentAgencyGoodsItem/Commodity/InvoiceLine/ItemChargeAmount"
    page = browser.open((site / DEC).as_uri() + f"#{path}")
    assert path in shown(page)
    told = text(page, "//aside")
    pointer = "/MetaData/Declaration/GoodsShipment/GovernmentAgencyGoodsItem/0/Commodity/InvoiceLine/ItemChargeAmount"
    for fact in ("ItemChargeAmount", "112", "5116", "n..16,3", f"/{path}", pointer, "@currencyID", "currencies"):
        assert fact in told


@pytest.mark.parametrize(
    ("page", "sought"),
    [
        ("codelists/hs-headings.html", "beef"),
        ("requirements.html", "orchid"),
        ("codelists.html", "units"),
        ("api.html", "amendments"),
        ("response-codes.html", "released"),
    ],
)
def test_lists_are_searched(browser, site, page, sought):
    rows = browser.open((site / page).as_uri() + f"#q={sought}").xpath("//*[contains(@class, 'item')]")
    found = [row for row in rows if row.get("hidden") is None]
    assert 0 < len(found) < len(rows)
    assert all(sought in "".join(row.itertext()).lower() for row in found)


def test_the_policy_of_the_gateway_lets_the_page_work(browser, stage):
    page = browser.open(f"{stage.url}/v1/{DEC}#q=TariffQuantity")
    assert text(page, "//*[@id='count']").startswith("1 of ")
