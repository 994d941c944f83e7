"""`python -m adapters.simulator`: one virtual agency as a process. Its help is the manual."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec
from aiohttp import web
from yarl import URL

from adapters.simulator.agency import Agency
from adapters.simulator.behaviour import Behaviour, load
from adapters.simulator.ledger import Ledger
from adapters.simulator.papers import Papers
from adapters.simulator.poller import Poller
from adapters.simulator.server import Door

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
USAGE_ERROR = 2

DESCRIPTION = """\
A virtual partner agency, to try a gateway or an integration against. It takes permit requests (message
guichet/1/PermitRequest, XML or JSON), decides each delivery once, remembers the decision, and answers as told.

When it is ready it prints one line of JSON on standard output, {"code": "PHS", "url": "http://127.0.0.1:40123"}.
The gateway posts deliveries and notices to that url, or to url/deliveries, which is the same. GET url/ledger shows all
requests, decisions, answers and notices.
"""

EPILOG = """\
behaviour file (TOML): a table [defaults] and one table per agency code, which goes over it. Keys and defaults:

  outcome = "granted"      granted, refused, held, documents or query: what it decides where no list below matches;
                           a query is followed by the final decision when the trader's answer has come
  refuse_hs = []           HS prefixes; a request with a goods item of one is refused, with a finding per item
  hold_hs = []             HS prefixes; such a request is held
  release_after = 2.5      seconds from a hold, or a request for documents, to the final decision (without it, never),
                           or from the answer to a query (without it, none)
  delay = 0                seconds from the request to the first answer
  answer = "at-once"       at-once: in the HTTP answer; callback: 202 now, the decision is posted to Guichet-Callback;
                           poll: fetches deliveries from the inbox at --gateway and posts decisions there
  poll_every = 0.5         seconds between two looks into the inbox
  lpco = true              issue a permit number for each LPCO type asked for
  media = "json"           json or xml: the format of its own decisions
  fault = "503"            a 4xx or 5xx status (turned away unread), or stall, truncate, reset (decided and recorded,
                           but the answer is lost); without it, no faults
  fault_rate = 1.0         share of requests that meet the fault, from 0 to 1
  seed = 1                 start of the random numbers that choose them

example:

  cat > behaviour.toml <<'END'
  [defaults]
  delay = 0.2
  [PHS]
  refuse_hs = ["0604"]
  hold_hs = ["0602"]
  release_after = 5
  answer = "callback"
  fault = "stall"
  fault_rate = 0.1
  END
  AGENCY_KEY=gk_... python -m adapters.simulator --code PHS --behaviour behaviour.toml \\
      --gateway http://127.0.0.1:8080 --token-env AGENCY_KEY

The key is read from a variable, because everybody on a machine can read command lines, and is shown to --gateway alone.
Exit codes: 0 stopped by a signal, 2 wrong usage.
"""


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="python -m adapters.simulator",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--code", required=True, help="the agency's code; requests for another agency are refused")
    made.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    made.add_argument("--port", type=int, default=0, help="port to listen on; 0, the default, takes a free one")
    made.add_argument("--behaviour", type=Path, metavar="FILE.toml", help="see below; without it, all is granted")
    made.add_argument("--gateway", metavar="URL", help="where callbacks must lead to, and where it polls")
    made.add_argument("--token-env", metavar="NAME", help="the variable that holds the agency's API key at the gateway")
    made.add_argument("--ledger", type=Path, metavar="FILE", help="keeps the book across restarts, a JSON line each")
    made.add_argument("--schemas", type=Path, default=SCHEMAS, metavar="FOLDER", help="message packages to use")
    return made


async def serve(agency: Agency, host: str, port: int) -> None:
    """Run until SIGINT or SIGTERM. Raises OSError when the port is taken."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # Cancelling on disconnect ends stalled answers with their callers.
    runner = web.AppRunner(Door(agency).application(), access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
    await runner.setup()
    polling = None
    try:
        await web.TCPSite(runner, host, port).start()
        agency.resume()
        if agency.behaviour.answer == "poll" and agency.gateway is not None:
            polling = asyncio.create_task(Poller(agency, agency.gateway).run())
        name = f"[{host}]" if ":" in host else host
        ready = {"code": agency.code, "url": f"http://{name}:{runner.addresses[0][1]}"}
        print(msgspec.json.encode(ready).decode(), flush=True)
        await stop.wait()
    finally:
        if polling is not None:
            polling.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await polling
        await runner.cleanup()
        await agency.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one agency; the exit code."""
    given = parser().parse_args(arguments)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        behaviour = load(given.behaviour, given.code) if given.behaviour else Behaviour()
        gateway = URL(given.gateway) if given.gateway else None
        if behaviour.answer == "poll" and gateway is None:
            raise ValueError("answer = 'poll' needs --gateway")
        if given.token_env and gateway is None:
            raise ValueError("--token-env needs --gateway, because the key is shown to the gateway alone")
        token = os.environ.get(given.token_env) if given.token_env else None
        if given.token_env and not token:
            raise ValueError(f"the variable {given.token_env}, which --token-env names, is not set")
        if gateway is not None and (gateway.scheme not in ("http", "https") or not gateway.host):
            raise ValueError(f"--gateway must be an http:// or https:// address, not {given.gateway!r}")
        agency = Agency(given.code, behaviour, Papers(given.schemas), Ledger(given.ledger), gateway, token)
        asyncio.run(serve(agency, given.host, given.port))
    except (ValueError, OSError, msgspec.DecodeError) as error:
        print(f"{given.code}: {error}", file=sys.stderr)
        return USAGE_ERROR
    return 0


if __name__ == "__main__":
    sys.exit(main())
