"""What an installation may choose about supporting documents."""

import os
from collections.abc import Mapping

import msgspec

from gateway.retry import RetryPolicy

MIB = 1024 * 1024
_OPEN = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
TYPES = (
    "application/pdf",
    "image/png",
    "image/jpeg",
    "image/tiff",
    "application/xml",
    "text/csv",
    "text/plain",
    f"{_OPEN}wordprocessingml.document",
    f"{_OPEN}spreadsheetml.sheet",
    f"{_OPEN}presentationml.presentation",
    f"{_ODF}text",
    f"{_ODF}spreadsheet",
    f"{_ODF}presentation",
)


class ScannerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Who looks for harm in documents: nobody, a `command`, or an `url`.

    The command is a program and its arguments, separated by spaces; it reads the document from its standard input and
    ends with 0 for clean and 1 for infected, as clamdscan does. The url gets a POST of JSON that says where to fetch
    the document and where to answer; `token_env` names a variable that holds a bearer token for it. Who does not answer
    within `answer` seconds is asked again; who cannot be reached, after `retry`. `at_once` are asked at one time.
    """

    command: str = ""
    url: str = ""
    token_env: str | None = None
    answer: float = 300.0
    at_once: int = 4
    retry: RetryPolicy = RetryPolicy(first=2.0, cap=600.0)

    def __post_init__(self) -> None:
        if self.command and self.url:
            raise ValueError("give either a command or an url")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ValueError("url must begin with http:// or https://")
        if self.answer <= 0 or self.at_once < 1:
            raise ValueError("answer must be above 0, and at_once at least 1")

    @property
    def is_there(self) -> bool:
        """Whether anybody looks."""
        return bool(self.command or self.url)

    def secret(self, environ: Mapping[str, str] = os.environ) -> str | None:
        """The token. Raises ValueError where the variable that should hold it is not set."""
        if self.token_env is None:
            return None
        if not environ.get(self.token_env):
            raise ValueError(f"the variable {self.token_env}, which documents.scanner.token_env names, is not set")
        return environ[self.token_env]


class DocumentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Supporting documents. `url` is where they stay: by default a folder beside the database, else file:///, s3://,
    gs:// or az:// with credentials in the environment, as the provider's own tools have them. `types` are those taken.

    Sizes are bytes: `largest` of one document, `daily` of all that an account sends in 24 hours, `unpacked` of what an
    office document may unpack to. `per_case` is how many documents a case may have, `unfinished` how many uploads an
    account may have under way, `at_once` how many come in to one worker at one time. An upload that stands still for
    `finish` hours ends, and a document that no case refers to is kept for `keep` days.
    """

    url: str = ""
    types: tuple[str, ...] = TYPES
    largest: int = 256 * MIB
    daily: int = 64 * 1024 * MIB
    unpacked: int = 512 * MIB
    per_case: int = 99
    unfinished: int = 20
    at_once: int = 32
    finish: int = 24
    keep: int = 30
    scanner: ScannerSettings = ScannerSettings()

    def __post_init__(self) -> None:
        numbers = (self.largest, self.daily, self.unpacked, self.per_case, self.unfinished, self.at_once)
        if min(*numbers, self.finish, self.keep) < 1:
            raise ValueError("all numbers must be at least 1")
        unknown = [each for each in self.types if each not in TYPES]
        if unknown or not self.types:
            raise ValueError(f"types must be some of {', '.join(TYPES)}")
        if self.largest > self.daily:
            raise ValueError("largest must not be above daily, or the largest document could never be sent")
