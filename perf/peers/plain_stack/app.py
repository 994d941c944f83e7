"""A peer for intake: what a Python team writes in a week with the usual libraries, kept honest and small.

FastAPI on uvicorn, xmlschema for validation and for the dictionary, SQLAlchemy on SQLite. It promises what the gateway
promises: one durable commit for each declaration with its bytes, its JSON, an event and the outbox rows of the agencies
that want it, all before the 202. It knows neither rules nor code lists, makes no projections, and reports the first
fault only. Nothing is done worse than its libraries allow: one pass validates and converts, the work runs in threads,
the log is written ahead, statements are cached by SQLAlchemy itself.
"""

import csv
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import uuid4

import xmlschema
from fastapi import FastAPI, Header, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import ForeignKey, LargeBinary, UniqueConstraint, create_engine, event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

CEILING = 64 * 1024 * 1024


class Base(DeclarativeBase):
    """The tables."""


class Declaration(Base):
    """A declaration as it came, and as JSON."""

    __tablename__ = "declaration"
    __table_args__ = (UniqueConstraint("account", "reference"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    mrn: Mapped[str] = mapped_column(unique=True)
    account: Mapped[str]
    reference: Mapped[str | None]
    digest: Mapped[str]
    state: Mapped[str]
    accepted_at: Mapped[str]
    body: Mapped[bytes] = mapped_column(LargeBinary)
    document: Mapped[str]


class Event(Base):
    """What happened to it."""

    __tablename__ = "event"
    id: Mapped[int] = mapped_column(primary_key=True)
    declaration_id: Mapped[int] = mapped_column(ForeignKey("declaration.id"), index=True)
    at: Mapped[str]
    kind: Mapped[str]


class Outbox(Base):
    """What an agency is still to be sent."""

    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(primary_key=True)
    declaration_id: Mapped[int] = mapped_column(ForeignKey("declaration.id"), index=True)
    agency: Mapped[str]
    state: Mapped[str]


app = FastAPI()
schema = xmlschema.XMLSchema(os.environ["SCHEMA"])
engine = create_engine(f"sqlite:///{os.environ['DATABASE']}", connect_args={"timeout": 30})


@event.listens_for(engine, "connect")
def durable(connection: Any, _record: Any) -> None:
    """A commit is on the disk when it returns."""
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")


Base.metadata.create_all(engine)
with Path(os.environ["REQUIREMENTS"]).open(encoding="utf-8") as table:
    wanted = tuple({(row["hs_prefix"], row["agency"]) for row in csv.DictReader(table)})


@app.post("/v1/declarations", status_code=202)
async def lodge(request: Request, authorization: str = Header()) -> dict[str, str]:
    """Take a declaration."""
    if authorization != f"Bearer {os.environ['TRADER_KEY']}":
        raise HTTPException(401)
    if int(request.headers.get("content-length", 0)) > CEILING:
        raise HTTPException(413)
    return await run_in_threadpool(accept, await request.body(), authorization)


def accept(body: bytes, account: str) -> dict[str, str]:
    """Validate, convert, store, answer."""
    try:
        document = schema.to_dict(xmlschema.XMLResource(body, defuse="always"))
    except xmlschema.XMLSchemaException as fault:
        raise HTTPException(422, str(fault)) from fault
    at, digest = datetime.now(UTC).isoformat(), sha256(body).hexdigest()
    row = Declaration(mrn=uuid4().hex, account=account, reference=next(named(document, "FunctionalReferenceID"), None))
    row.digest, row.state, row.accepted_at, row.body = digest, "accepted", at, body
    row.document = json.dumps(document, default=str)
    codes = {str(code.get("ID")) for codes in named(document, "Classification") for code in codes}
    agencies = {agency for prefix, agency in wanted for code in codes if code.startswith(prefix)}
    try:
        with Session(engine) as session, session.begin():
            session.add(row)
            session.flush()
            session.add(Event(declaration_id=row.id, at=at, kind="accepted"))
            session.add_all(Outbox(declaration_id=row.id, agency=agency, state="queued") for agency in agencies)
            return {"mrn": row.mrn, "digest": digest, "accepted_at": at}
    except IntegrityError:
        with Session(engine) as session:
            first = session.scalars(select(Declaration).filter_by(account=account, reference=row.reference)).one()
            if first.digest != digest:
                raise HTTPException(409) from None
            return {"mrn": first.mrn, "digest": digest, "accepted_at": first.accepted_at}


def named(document: Any, name: str) -> Iterator[Any]:
    """All values under a local name, at any depth."""
    if isinstance(document, list):
        for each in document:
            yield from named(each, name)
    elif isinstance(document, dict):
        for key, value in document.items():
            if key.rpartition(":")[2] == name:
                yield value
            yield from named(value, name)
