"""Ceilings for everything that comes from outside. One frozen record, passed in, so that a test can lower them."""

import msgspec

MAX_DIGITS = 64  # of one number; customs data has at most 16, and the codecs are compiled with this bound


class Limits(msgspec.Struct, frozen=True):
    """Sizes in bytes, the rest in counts. What exceeds one is refused with the rule `size.*` that names it.

    Of the issues of one message, `max_issues` are told; the rest are counted, up to `max_counted`.
    """

    max_bytes: int = 64 * 1024 * 1024
    max_depth: int = 64
    max_elements: int = 1_000_000
    max_issues: int = 100
    max_counted: int = 10_000
    max_value_shown: int = 60
