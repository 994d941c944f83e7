"""Pages for people, from the same objects that machines get. Each page is one file that needs no other and no network.

Links are relative, so that a page works under an address and from a folder alike. The one style and the one script are
written into each page; `POLICY` names them by digest and lets nothing else run.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from datamodel.model import Model
from gateway.access.rights import ROLES
from gateway.codes import ResponseCode
from gateway.docs.attached import Attached, BoundList
from gateway.docs.catalogue import MessageType, Packages, PackageVersion
from gateway.docs.listing import ListedRule, ListFacts, ListOnDay
from gateway.docs.operations import Interface
from gateway.docs.tree import Row
from gateway.requirements import Agency, Requirement

TEMPLATES = Path(__file__).parent / "templates"
STYLE: Final = (TEMPLATES / "site.css").read_text(encoding="utf-8")
SCRIPT: Final = (TEMPLATES / "site.js").read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


POLICY: Final = (
    f"default-src 'none'; style-src {_digest(STYLE)}; script-src {_digest(SCRIPT)}; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
CODELISTS: Final = "codelists.html"
LABELS: Final = (
    ("WCO ID", lambda row: row.wco_id),
    ("UN/TDED", lambda row: row.tded.strip("?")),
    ("Format", lambda row: row.format),
    ("Value", lambda row: row.words),
    ("Occurs", lambda row: row.occurs + (", may be nil" if row.nillable else "")),
    ("Codes", lambda row: [{"text": code} for code in row.codes]),
    ("XPath", lambda row: f"/{row.id}" if row.id else ""),
    ("JSON Pointer", lambda row: row.pointer),
    ("Namespace", lambda row: row.namespace),
    ("Use", lambda row: " ".join(row.usage)),
    ("Privacy", lambda row: "names or locates a person: issues hide the value" if row.personal else ""),
)


class Placed(Row, frozen=True, kw_only=True):
    """A row with what hangs on it. A leaf has nothing below it."""

    leaf: bool = True
    lists: tuple[BoundList, ...] = ()
    rules: tuple[str, ...] = ()


def _period(of: Any) -> str:
    """From when to when something is in force."""
    first, last = of.effective_from, of.effective_to
    if first is None and last is None:
        return "in force"
    return f"in force {f'from {first}' if first else ''}{' ' if first and last else ''}{f'to {last}' if last else ''}"


_ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.globals.update(style=Markup(STYLE), script=Markup(SCRIPT), period=_period)


def _render(template: str, top: str, section: str, **values: Any) -> bytes:
    return _ENVIRONMENT.get_template(template).render(top=top, section=section, **values).encode()


def index(packages: Packages, tiles: Iterable[tuple[str, int, str]]) -> bytes:
    """The first page; `tiles` are link, number and words."""
    return _render("index.html", "", "index.html", packages=packages.packages, tiles=list(tiles))


def message(
    model: Model,
    found: Sequence[Row],
    listed: tuple[MessageType, PackageVersion],
    attached: Attached,
    details: Sequence[ListedRule],
) -> bytes:
    """The page of a message type, from its rows and what hangs on them; `details` are its rules."""
    placed = _placed(found, attached)
    kind, package = listed
    values = [row for row in placed if row.kind == "value"]
    classes = [row for row in placed if row.kind == "class"]
    counts = {
        "classes": len(classes),
        "simple": len(values),
        "mandatory": sum(row.mandatory for row in (*classes, *values)),
    }
    return _render(
        "message.html",
        "../../../",
        "index.html",
        message=kind,
        package=package,
        rows=placed,
        counts=counts,
        tagged=any(row.wco_id or row.tded for row in placed),
        usages=list(dict.fromkeys(use for row in placed for use in row.usage)),
        namespaces=model.prefixes,
        rules=details,
        facts=_facts(placed, model),
    )


def _placed(found: Sequence[Row], attached: Attached) -> list[Placed]:
    deeper = [after.depth > row.depth for row, after in zip(found, found[1:], strict=False)] + [False]
    return [
        Placed(
            **{field: getattr(row, field) for field in Row.__struct_fields__},
            leaf=not more,
            lists=tuple(attached.lists.get(row.id, ())),
            rules=tuple(attached.rules.get(row.id, ())),
        )
        for row, more in zip(found, deeper, strict=True)
    ]


def _facts(placed: Sequence[Placed], model: Model) -> Markup:
    """What the script of a page knows of each row; sets of XML attributes, which repeat, are told once."""
    sets: dict[tuple[Any, ...], int] = {}
    told = []
    for row in placed:
        fact: dict[str, Any] = {"path": row.id, "lines": [read(row) or 0 for _, read in LABELS]}
        if row.attributes:
            fact["attributes"] = sets.setdefault(row.attributes, len(sets))
        if row.lists:
            fact["lists"] = [_list_link(each) for each in row.lists]
        if row.rules:
            fact["rules"] = [{"text": rule, "href": f"../../../rules.html#{rule}"} for rule in row.rules]
        told.append(fact)
    start = next((number for number, row in enumerate(placed) if row.id == _payload(model)), 0)
    attributes = [
        [{"text": f"@{each.name}", "note": each.words + (", mandatory" if each.required else "")} for each in uses]
        for uses in sets
    ]
    facts = {"labels": [label for label, _ in LABELS], "rows": told, "attributes": attributes}
    return script_json({**facts, "start": start, "depth": placed[start].depth})


def _list_link(bound: BoundList) -> dict[str, str]:
    note = f"in declarations to {bound.country}" if bound.country else ""
    return {"text": bound.label, "href": f"../../../codelists/{bound.name}.html", "note": note}


def _payload(model: Model) -> str:
    return f"{model.root.json_name}/{model.payload}" if model.payload else model.root.json_name


def script_json(value: Any) -> Markup:
    """JSON that may stand within a script element: no character of it can end that element."""
    return Markup(msgspec.json.encode(value).decode().replace("<", "\\u003c"))


def codelists(lists: Sequence[ListFacts]) -> bytes:
    """The page of all code lists."""
    return _render("codelists.html", "", CODELISTS, lists=lists)


def codelist(known: ListOnDay) -> bytes:
    """The page of one code list with the codes of all days."""
    columns = {
        name: any(getattr(code, name) for code in known.codes)
        for name in ("effective_from", "effective_to", "parent", "instead", "also", "notes")
    }
    return _render("codelist.html", "../", CODELISTS, known=known, facts=known.facts, columns=columns)


def rules(known: Sequence[ListedRule]) -> bytes:
    """The page of all rules."""
    return _render("rules.html", "", "rules.html", rules=known)


def response_codes(known: Sequence[ResponseCode]) -> bytes:
    """The page of the codes of responses."""
    return _render("response-codes.html", "", "response-codes.html", rows=known)


def api(known: Interface, openapi: str) -> bytes:
    """The page of the interface; `openapi` is where the description that it is made from lies."""
    return _render("api.html", "", "api.html", interface=known, openapi=openapi, roles=ROLES)


def requirements(known: Sequence[Requirement], agencies: Mapping[str, Agency]) -> bytes:
    """The page of the requirements table."""
    return _render("requirements.html", "", "requirements.html", rows=known, agencies=agencies)
