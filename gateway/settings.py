"""Settings: a TOML file, and above it the environment. An unknown key is refused, because a misspelt one would be lost.

A variable is `GUICHET_` and the key in capitals, with two underscores between a table and its key:
`GUICHET_PORT`, `GUICHET_LIMITS__MAX_BYTES`, `GUICHET_AGENCIES__FSA__URL`. A variable that a `token_env` names is no
setting, whatever it is called.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import msgspec

from datamodel.limits import Limits
from gateway.access.quotas import Quota
from gateway.access.settings import AccessSettings
from gateway.attachments.settings import DocumentSettings
from gateway.bulk.settings import BulkSettings
from gateway.mandates.settings import MandateSettings
from gateway.retry import RetryPolicy
from gateway.traces.settings import TraceSettings

PREFIX = "GUICHET_"
# Variables with our prefix that are not settings of the gateway: the tests' corpus.
NOT_SETTINGS = frozenset({"GUICHET_CORPUS", "GUICHET_NATIVE"})
LEAST_MEMORY = 64 * 1024 * 1024  # bytes beside what a process begins with
MOST_WORKERS = 64  # all of them write to one file, one at a time; no machine gains from more
SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"
_SQLITE = "sqlite:///"
_TOKEN_ENV = re.compile(f"{PREFIX}AGENCIES__.+__TOKEN_ENV")


class SettingsError(ValueError):
    """The settings cannot be used; the text names the file or the variable, and what to write instead."""


class OutboxSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`in_flight` bounds the sends under way to each agency, from all workers together; the others are seconds.

    `send` is the time that an adapter has for one exchange; a lease must outlast it, or a delivery would go out twice.
    `idle` is the longest pause before the outbox looks into the store by itself, `pick_up` the pause between looks
    into a folder, `stop` how long sends under way may take to end when the gateway stops.
    """

    in_flight: int = 8
    send: float = 10.0
    lease: float = 30.0
    idle: float = 5.0
    pick_up: float = 1.0
    stop: float = 5.0

    def __post_init__(self) -> None:
        if min(self.send, self.idle, self.pick_up) <= 0 or self.stop < 0:
            raise ValueError("send, idle and pick_up must be above 0, and stop not below")
        if self.in_flight < 1:
            raise ValueError("in_flight must be at least 1")
        if self.lease < 2 * self.send:
            raise ValueError("lease must be at least twice send")


class BigSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Big messages: how many are worked on at one time, each in a process, and what one may take there.

    `memory` is the most bytes that the work may take beside what a process begins with, `seconds` the most of a
    processor's time. `room` bounds the bytes of all bodies that the gateway holds at one time, be they in memory or in
    files for the time being. What is for the gateway, its workers share.
    """

    at_once: int = 2
    memory: int = 2 * 1024 * 1024 * 1024
    seconds: int = 120
    room: int = 256 * 1024 * 1024

    def __post_init__(self) -> None:
        if min(self.at_once, self.seconds) < 1:
            raise ValueError("at_once and seconds must be at least 1")
        if self.memory < LEAST_MEMORY:
            raise ValueError(f"memory must be at least {LEAST_MEMORY} bytes, or no work can be done in it")


class NotificationSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What traders are told: kept for `keep` days, 30 by default. The others are seconds, save `streams`.

    `look` is the pause between looks into the store for what is new, `heartbeat` that between signs of life in a
    stream, `patience` how long its reader may take for what was written to it; `streams` is how many of them an account
    may have open with one worker. To a trader's address, `at_once` are under way, each for at most `send`, and one that
    fails `retry.attempts` times is given up; with `private`, addresses may be private, and HTTP without TLS.
    """

    keep: int = 30
    look: float = 0.25
    heartbeat: float = 15.0
    patience: float = 20.0
    streams: int = 4
    at_once: int = 4
    send: float = 10.0
    retry: RetryPolicy = RetryPolicy(first=1.0, cap=3600.0, attempts=60)
    private: bool = False

    def __post_init__(self) -> None:
        if min(self.look, self.heartbeat, self.patience, self.send) <= 0:
            raise ValueError("look, heartbeat, patience and send must be above 0")
        if min(self.keep, self.streams, self.at_once) < 1:
            raise ValueError("keep, streams and at_once must be at least 1")


class AgencySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where one agency is reached on this installation: above what its profile says. `token_env` names a variable."""

    url: str | None = None
    folder: Path | None = None
    token: str | None = None
    token_env: str | None = None

    def __repr__(self) -> str:
        """Without the token, because settings end up in logs."""
        return f"AgencySettings(url={self.url!r}, folder={self.folder!r}, token_env={self.token_env!r})"

    def secret(self, environ: Mapping[str, str] = os.environ) -> str | None:
        """The token. Raises SettingsError where the variable that should hold it is not set."""
        if self.token_env is None:
            return self.token
        if not environ.get(self.token_env):
            raise SettingsError(f"the variable {self.token_env}, which token_env names, is not set")
        return environ[self.token_env]


class RateSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What one account of each role may ask for, by default without limit, and how many unknown keys one address may.

    All workers together give so much. `forwarded` says that a proxy in front writes X-Forwarded-For, whose last address
    is then the one that counts; without a proxy, callers could write there what they like.
    """

    trader: Quota = Quota()
    agency: Quota = Quota()
    operator: Quota = Quota()
    author: Quota = Quota()
    auditor: Quota = Quota()
    unknown_keys: Quota = Quota(per_second=1.0, burst=100)
    forwarded: bool = False

    @property
    def by_role(self) -> dict[str, Quota]:
        """The quota of each role that has one."""
        by_role = {"trader": self.trader, "agency": self.agency, "operator": self.operator}
        return by_role | {"author": self.author, "auditor": self.auditor}


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """All that an installation may choose. `database` is `sqlite:///relative/path` or `sqlite:////absolute/path`.

    `patience` is how many seconds the body of a request may take, on top of what its size takes on a slow line.
    `workers` is how many processes serve; each of them sends to every agency, so each needs a part of `in_flight`.
    `metrics` says whether numbers for Prometheus are given.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    public_url: str | None = None
    database: str = "sqlite:///guichet.db"
    schemas: Path = SCHEMAS
    country: str = "XZ"
    patience: float = 30.0
    metrics: bool = True
    limits: Limits = Limits()
    retry: RetryPolicy = RetryPolicy()
    outbox: OutboxSettings = OutboxSettings()
    big: BigSettings = BigSettings()
    rates: RateSettings = RateSettings()
    notifications: NotificationSettings = NotificationSettings()
    bulk: BulkSettings = BulkSettings()
    documents: DocumentSettings = DocumentSettings()
    access: AccessSettings = AccessSettings()
    mandates: MandateSettings = MandateSettings()
    traces: TraceSettings = TraceSettings()
    agencies: dict[str, AgencySettings] = {}

    def __post_init__(self) -> None:
        if not re.fullmatch("[A-Z]{2}", self.country):
            raise ValueError("country must be two capital letters (ISO 3166-1)")
        if not self.database.startswith(_SQLITE) or self.database == _SQLITE:
            raise ValueError("database must be sqlite:/// and a path")
        if self.patience <= 0:
            raise ValueError("patience must be above 0")
        if self.big.room < self.limits.max_bytes:
            raise ValueError("big.room must be at least limits.max_bytes, or the biggest message would never fit")
        if not 0 <= self.port <= 65535:
            raise ValueError("port must be from 0 to 65535")
        if not 1 <= self.workers <= MOST_WORKERS:
            raise ValueError(f"workers must be from 1 to {MOST_WORKERS}")
        if self.workers > self.outbox.in_flight:
            raise ValueError("workers must not be more than outbox.in_flight, because each sends to every agency")

    @property
    def database_path(self) -> Path:
        """The file that `database` names."""
        return Path(self.database.removeprefix(_SQLITE))

    @property
    def big_share(self) -> BigSettings:
        """What one worker has of `big`: enough for one message of any size, however many workers there are."""
        big, workers = self.big, self.workers
        at_once, room = max(1, big.at_once // workers), max(self.limits.max_bytes, big.room // workers)
        return msgspec.structs.replace(big, at_once=at_once, room=room)

    @property
    def base_url(self) -> str:
        """The gateway's own address as others write it, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        scheme = "https" if self.access.tls.certificate else "http"
        return (self.public_url or f"{scheme}://{host}:{self.port}").rstrip("/")


def load(file: Path | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings of a file (None: defaults only) and of the environment. Raises SettingsError."""
    written = _read(file) if file is not None else {}
    _refuse_unknown(written, Settings, f"{file}")
    surrounding = _unfold(environ, NOT_SETTINGS | _token_variables(written, environ))
    _refuse_unknown(surrounding, Settings, "environment")
    try:
        return msgspec.convert(_merge(written, surrounding), Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise SettingsError(_placed(str(error), file, environ)) from error


def _token_variables(written: dict[str, Any], environ: Mapping[str, str]) -> set[str]:
    """The variables that hold tokens, as file and environment name them."""
    agencies = written.get("agencies")
    tables = agencies.values() if isinstance(agencies, dict) else ()
    named = {str(table.get("token_env")) for table in tables if isinstance(table, dict)}
    return named | {value for name, value in environ.items() if _TOKEN_ENV.fullmatch(name)}


def _placed(fault: str, file: Path | None, environ: Mapping[str, str]) -> str:
    """A fault with the place that it came from: the variable with its value, where one set it, else the file."""
    told, _, path = fault.rstrip("`").partition(" - at `$.")
    variable = PREFIX + path.upper().replace(".", "__")
    if path and variable in environ:
        return f"{variable}: {environ[variable]!r} will not do: {told[:1].lower()}{told[1:]}"
    return f"{file or 'settings'}: {fault}"


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{file}: {error}") from error


def _path(kind: type, value: Any) -> Any:
    """msgspec asks this for the one type here that it does not know."""
    if kind is not Path or not isinstance(value, str):
        raise TypeError("expected a path as text")
    return Path(value)


def _unfold(environ: Mapping[str, str], others: Collection[str]) -> dict[str, Any]:
    """The variables that are ours as tables within tables. The code of an agency keeps its capitals."""
    unfolded: dict[str, Any] = {}
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in others:
            continue
        steps = name.removeprefix(PREFIX).split("__")
        keys = [step if at == 1 and steps[0] == "AGENCIES" else step.lower() for at, step in enumerate(steps)]
        table = unfolded
        for key in keys[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise SettingsError(f"{name}: {key} is a single value, which another variable sets")
        table[keys[-1]] = value
    return unfolded


def _refuse_unknown(data: dict[str, Any], kind: Any, where: str, path: str = "") -> None:
    """Raises SettingsError for the first key that a settings type does not have, with the nearest that it has."""
    for key, value in data.items():
        inner = _type_of(key, kind)
        if inner is None:
            names = [field.encode_name for field in msgspec.structs.fields(kind)]
            near = difflib.get_close_matches(key, names, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(names)}"
            raise SettingsError(f"{where}: unknown setting {path + key!r}; {hint}")
        if isinstance(value, dict):
            _refuse_unknown(value, inner, where, f"{path}{key}.")


def _type_of(key: str, kind: Any) -> Any:
    """The type that a settings type (a struct, or a table of structs by name) has under a key, or None."""
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return kind
    return next((field.type for field in msgspec.structs.fields(kind) if field.encode_name == key), None)


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        merged[key] = _merge(under, value) if isinstance(under, dict) and isinstance(value, dict) else value
    return merged
