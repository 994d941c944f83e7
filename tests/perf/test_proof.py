"""A peer that loses a value is found out, whatever shape its output has."""

import pytest

from perf.peers.proof import lost

MESSAGE = b"""<!-- not data -->
<m xmlns="urn:x" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="a b">
  <amount currencyID="EUR">1000.00</amount><line>two  words</line><line>two words</line><empty/>
</m>"""


@pytest.mark.parametrize(
    ("output", "missing"),
    [
        (b'{"m":{"amount":{"@currencyID":"EUR","value":1000.00},"line":["two words","two words"],"empty":""}}', []),
        (b'["EUR", 1E+3, "two words", "two words"]', []),
        (b'["EUR", "1000", "two words"]', ["two words"]),
        (b'["EUR", 1000.01, "two words", "two words"]', ["1E+3"]),
        (b'{"EUR": 1000, "a": ["two words", "two words"]}', ["EUR"]),
        (b'<a b="EUR"><c>1000.00</c><d>two words</d><d>two words</d></a>', []),
        (b'<a b="EUR"><c>1000.00</c><d>two words</d></a>', ["two words"]),
    ],
)
def test_what_an_output_lost_is_named(output, missing):
    assert lost(MESSAGE, output) == missing
