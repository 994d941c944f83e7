"""Everything that is published of one installation, made on first demand and kept: an installation does not change
while it runs. HTTP serves from here and `guichet docs build` writes from here, so that both say the same.
"""

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from datamodel import json_schema
from datamodel.codelists import CodeLists
from datamodel.registry import Message, Registry
from datamodel.rules import RuleBook
from datamodel.semantics import Semantics
from gateway.codes import ResponseCode, load_table
from gateway.docs import listing, pages, schema_files
from gateway.docs.attached import attached
from gateway.docs.catalogue import MessageType, Packages, PackageVersion, catalogue
from gateway.docs.operations import interface
from gateway.docs.tree import rows
from gateway.requirements import Agency, RequirementTable


class Library:
    """The publications. Raises KeyError for a message or a list that there is not. Safe to share between threads."""

    def __init__(
        self,
        registry: Registry,
        schemas: Path,
        requirements: RequirementTable,
        agencies: Mapping[str, Agency],
        checks: Semantics,
    ) -> None:
        self.registry, self.schemas = registry, schemas
        self.requirements, self.agencies, self.checks = requirements, agencies, checks
        self._kept: dict[tuple[str, str], Any] = {}

    @cached_property
    def codelists(self) -> CodeLists:
        """The code lists that messages are checked with."""
        known = (each for each in self.checks.examiners if isinstance(each, CodeLists))
        return next(known, None) or CodeLists.load(self.schemas / "codelists")

    @cached_property
    def rulebook(self) -> RuleBook:
        """The rules that messages are checked with."""
        known = (each for each in self.checks.examiners if isinstance(each, RuleBook))
        return next(known, None) or RuleBook.load(self.schemas / "rules", self.registry)

    @cached_property
    def packages(self) -> Packages:
        """All packages."""
        return catalogue(self.registry, self.schemas)

    def xsd(self, key: str) -> bytes:
        """The XML Schema of a message: the entry, which leads to the others."""
        made: bytes = self._keep("xsd", key, lambda: schema_files.entry(self.registry.messages[key]))
        return made

    def xsd_files(self, key: str) -> dict[str, bytes]:
        """All files of the XML Schema of a message by path."""
        made: dict[str, bytes] = self._keep("files", key, lambda: schema_files.files(self.registry.messages[key]))
        return made

    def json_schema(self, key: str) -> bytes:
        """The JSON Schema of a message."""
        made: bytes = self._keep("json", key, lambda: json_schema.write(self.registry.messages[key].model))
        return made

    def page(self, key: str) -> bytes:
        """The page of a message."""
        made: bytes = self._keep("page", key, lambda: self._page(self.registry.messages[key]))
        return made

    def codelist_page(self, name: str) -> bytes:
        """The page of one code list."""
        known = self.codelists.lists[name]
        made: bytes = self._keep("codelist", name, lambda: pages.codelist(listing.on_day(known, None)))
        return made

    def api_page(self, description: bytes, place: str) -> bytes:
        """The page of the interface, from its OpenAPI description, which lies at a place."""
        made: bytes = self._keep("api", place, lambda: pages.api(interface(description), place))
        return made

    @cached_property
    def index(self) -> bytes:
        """The first page."""
        tiles = [
            ("#packages", len(self.registry.messages), "message types"),
            ("codelists.html", len(self.codelists.lists), "code lists"),
            ("rules.html", len(self.rulebook.rules), "rules"),
            ("requirements.html", len(self.requirements.rows), "requirements"),
            ("response-codes.html", len(self.response_codes), "codes of responses"),
        ]
        return pages.index(self.packages, tiles)

    @cached_property
    def codelists_page(self) -> bytes:
        """The page of all code lists."""
        return pages.codelists(listing.all_lists(self.codelists.lists.values()).codelists)

    @cached_property
    def rules_page(self) -> bytes:
        """The page of all rules."""
        return pages.rules(listing.rules_on_day(self.rulebook.rules, None).rules)

    @cached_property
    def response_codes(self) -> tuple[ResponseCode, ...]:
        """The codes that responses are made with, and those that are not sent."""
        return load_table(self.schemas)

    @cached_property
    def response_codes_page(self) -> bytes:
        """The page of the codes of responses."""
        return pages.response_codes(self.response_codes)

    @cached_property
    def requirements_page(self) -> bytes:
        """The page of the requirements table."""
        return pages.requirements(self.requirements.rows, self.agencies)

    def _keep(self, kind: str, name: str, make: Callable[[], Any]) -> Any:
        """What has been made before, or is made now. Two threads may both make it: they make the same."""
        if (kind, name) not in self._kept:
            self._kept[kind, name] = make()
        return self._kept[kind, name]

    def _page(self, message: Message) -> bytes:
        found = rows(message.model)
        rules = self.rulebook.of_message(message.key)
        hung = attached(message, found, self.codelists, rules)
        details = listing.rules_on_day(rules, None).rules
        return pages.message(message.model, found, self._listed(message.key), hung, details)

    def _listed(self, key: str) -> tuple[MessageType, PackageVersion]:
        """A message and its package, as the catalogue has them."""
        return next(
            (kind, version)
            for package in self.packages.packages
            for version in package.versions
            for kind in version.messages
            if kind.key == key
        )
