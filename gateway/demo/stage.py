"""The demo: sets the stage (a gateway, an agency process for each agency), plays the cases, shows how they ended."""

import asyncio
import shlex
import signal
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import aiohttp
import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn
from rich.table import Column, Table

from gateway.access.registration import NewAccount, register_accounts
from gateway.demo.cases import lodgements
from gateway.demo.processes import Child, Children, NotStarted, free_port
from gateway.demo.trader import Ended, Trader
from gateway.requirements import Agency, load_agencies
from gateway.settings import SCHEMAS, Settings, load

INTERRUPTED = 130  # as shells count an end by SIGINT
TABLE_WIDTH = 120  # where the output is no terminal
BEHAVIOUR = SCHEMAS / "demo" / "behaviour.toml"
HEADINGS = ("Format", "Agencies", "Decisions", "Outcome", "Seconds")
EXAMPLE = "import-cut-flowers-kenya.xml"
NOTE = "demo.env"  # the file in the demo's folder that tells another terminal of the demo
TUTORIAL = "docs/tutorial.md"
ONE_MACHINE = {"GUICHET_NOTIFICATIONS__PRIVATE": "true"}  # who listens for notifications is on this machine too
AGENCY_KEY = "AGENCY_KEY"  # the variable in which an agency's process finds its key: command lines can be read by all


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway that runs, with its agencies and a trader who has an account. `environment` starts it again."""

    url: str
    trader_key: str
    environment: dict[str, str]
    gateway: Child
    agencies: dict[str, str]


async def perform(once: bool, count: int, folder: Path | None) -> int:
    """Run the demo; the exit code. Ctrl-C, SIGTERM and a closed terminal end it in order, at any time."""
    show = asyncio.create_task(_perform(once, count, folder))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, show.cancel)
    try:
        return await show
    except asyncio.CancelledError:
        return INTERRUPTED


async def _perform(once: bool, count: int, folder: Path | None) -> int:
    console = Console()
    if not console.is_terminal:
        console = Console(width=TABLE_WIDTH)
    with _place(folder) as place:
        try:
            async with Children(place / "logs") as children:
                stage = await set_stage(children, place, extra=ONE_MACHINE)
                console.print(f"Gateway at {stage.url}, agencies: {', '.join(stage.agencies)}", highlight=False)
                ended = await play(stage, count, console)
                faults = _show(console, ended)
                if once:
                    return int(bool(faults))
                seen_by_most = max(ended, key=lambda case: len(case.status.agencies))
                _invite(console, stage, seen_by_most.status.mrn, _note(stage, place))
                with suppress(asyncio.CancelledError):
                    await asyncio.Event().wait()
                return 0
        except (NotStarted, aiohttp.ClientError) as error:
            console.print(str(error), markup=False, highlight=False, soft_wrap=True)
            return 1


@contextmanager
def _place(folder: Path | None) -> Iterator[Path]:
    """Where database and logs go: the folder given, which stays, or one that goes when the demo ends."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder.resolve()
    else:
        with tempfile.TemporaryDirectory(prefix="guichet-demo-") as made:
            yield Path(made)


async def set_stage(
    children: Children, place: Path, behaviour: Path = BEHAVIOUR, extra: Mapping[str, str] | None = None
) -> Stage:
    """Start the agencies and the gateway, with fresh accounts; `extra` are further settings. Raises NotStarted."""
    profiles = load_agencies(SCHEMAS / "agencies")
    own = {"GUICHET_PORT": str(free_port()), "GUICHET_DATABASE": f"sqlite:///{place / 'guichet.db'}"}
    environment = own | dict(extra or {})
    settings = load(None, environment)
    accounts = [NewAccount(code, "agency", code) for code in profiles]
    *keys, trader_key = await register_accounts(settings, [*accounts, NewAccount("demo-trader", "trader")])
    started = [
        _start_agency(children, place, settings, profile, key, behaviour)
        for profile, key in zip(profiles.values(), keys, strict=True)
    ]
    urls = dict(zip(profiles, await asyncio.gather(*started), strict=True))
    posted = {code: url for code, url in urls.items() if profiles[code].channel == "http"}
    environment |= {f"GUICHET_AGENCIES__{code}__URL": url for code, url in posted.items()}
    gateway = await start_gateway(children, environment)
    return Stage(url=settings.base_url, trader_key=trader_key, environment=environment, gateway=gateway, agencies=urls)


async def start_gateway(children: Children, environment: dict[str, str]) -> Child:
    """Start a gateway with these settings. Raises NotStarted."""
    return await children.start("gateway", ("-m", "gateway", "serve"), environment)


async def _start_agency(
    children: Children, place: Path, settings: Settings, profile: Agency, key: str, behaviour: Path
) -> str:
    """Start one agency's process; its address."""
    options = {
        "--code": profile.code,
        "--behaviour": str(behaviour),
        "--gateway": settings.base_url,
        "--token-env": AGENCY_KEY,
        "--ledger": str(place / "ledgers" / f"{profile.code}.jsonl"),
    }
    arguments = ("-m", "adapters.simulator", *(part for pair in options.items() for part in pair))
    child = await children.start(profile.code, arguments, {AGENCY_KEY: key})
    return str(msgspec.json.decode(child.ready)["url"])


async def play(stage: Stage, count: int, console: Console) -> list[Ended]:
    """Lodge `count` declarations and follow each to its end."""
    bar = Progress(
        "{task.description}",
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
    )
    with bar:
        cases = bar.add_task("Cases decided", total=count)
        async with Trader(stage.url, stage.trader_key) as trader:
            following = [trader.follow(each, lambda: bar.advance(cases)) for each in lodgements(SCHEMAS, count)]
            return await asyncio.gather(*following)


def _show(console: Console, ended: list[Ended]) -> list[str]:
    """Print the table and what is not as expected; the latter."""
    table = Table(Column("MRN", no_wrap=True), *HEADINGS, box=None, pad_edge=False)
    for case in ended:
        agencies = case.status.agencies
        decisions = Counter(agency.status for agency in agencies)
        table.add_row(
            case.status.mrn,
            case.lodgement.format,
            ", ".join(agency.code for agency in agencies) or "none",
            ", ".join(f"{count} {state}" for state, count in decisions.items()) or "none",
            case.status.status,
            f"{case.seconds:.2f}",
        )
    console.print(table)
    faults = [fault for case in ended for fault in case.differences]
    for fault in faults:
        console.print(fault, highlight=False, soft_wrap=True)
    good = sum(not case.differences for case in ended)
    console.print(f"{good} of {len(ended)} cases ended as expected.", highlight=False)
    return faults


def _note(stage: Stage, place: Path) -> Path:
    """Write what a shell must know to go on with this demo; the file. Its owner alone may read it: it has a key."""
    known = {
        "URL": stage.url,
        "KEY": stage.trader_key,
        "RECEIVER": f"http://127.0.0.1:{free_port()}/in",
        "GUICHET_DATABASE": stage.environment["GUICHET_DATABASE"],
        **ONE_MACHINE,
    }
    file = place / NOTE
    file.touch(mode=0o600)
    lines = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in known.items())
    file.write_text(f"# The demo of this folder, for a shell: {TUTORIAL}\n{lines}", encoding="utf-8")
    return file


def _invite(console: Console, stage: Stage, mrn: str, note: Path) -> None:
    """Say how to go on. The lines are printed as they are to be typed."""
    key = f"Authorization: Bearer {stage.trader_key}"
    lodge = ("-H", key, "-H", "Content-Type: application/xml", "--data-binary", f"@{SCHEMAS / 'samples' / EXAMPLE}")
    lines = (
        f"\nThe gateway goes on at {stage.url} (its description: {stage.url}/openapi.json). Try:\n",
        "  " + shlex.join(("curl", *lodge, f"{stage.url}/v1/declarations")),
        "  " + shlex.join(("curl", "-H", key, f"{stage.url}/v1/declarations/{mrn}/response")),
        f"\nOr go through {TUTORIAL} in another terminal; this tells it of the demo:\n",
        "  " + shlex.join((".", str(note))),
        "\nCtrl-C ends the gateway and the agencies.",
    )
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)
