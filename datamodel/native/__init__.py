"""The codecs of our own message types in C: optional, compiled by `hatch_build.py` where there is a compiler.

Rule: nothing is decided here that Python does not decide alike. `reader` and `writer` only ever say yes; where they do
not, `datamodel.codecs` goes the careful way. `AVAILABLE` is False where nothing was compiled, where it was compiled for
another lxml than the one that runs (the two share libxml2's structures), or where GUICHET_NATIVE says `no`.
"""

import os
from contextlib import suppress
from typing import Final

from lxml import etree

AVAILABLE = False
SWITCH: Final = "GUICHET_NATIVE"

if os.environ.get(SWITCH, "yes") != "no":
    with suppress(ImportError, ValueError):  # ValueError: structures of another size than when it was compiled
        from datamodel.native import plans, reader, writer

        AVAILABLE = etree.__version__ == reader.LXML

if AVAILABLE:
    Plan, children, read, scan, write = plans.Plan, reader.children, reader.read, writer.scan, writer.write
