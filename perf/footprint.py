"""How far one conversion raises the memory of a process that did nothing before; run as a program by `perf.growth`.

    python -m perf.footprint MESSAGE WORK FILE

Everything is compiled and imported before the level is taken. The message itself is read after it, and counts.
"""

import json
import re
import sys
from pathlib import Path

from datamodel.registry import Registry
from perf.conversion import FLOOR, convert, floor
from perf.options import SCHEMAS

STATUS = Path("/proc/self/status")  # and not getrusage, which starts a process at the greatest memory of its parent


def main(key: str, work: str, file: str) -> None:
    """Print the growth in bytes, as JSON."""
    registry = Registry.load(SCHEMAS)
    registry.message(key).compile()
    check = floor(registry.message(key))
    level = _greatest()
    body = Path(file).read_bytes()
    if work == FLOOR:
        check(body)
    elif Path(file).suffix == ".json":
        convert(registry, body, "json", "xml")
    else:
        convert(registry, body, "xml", "json")
    print(json.dumps({"grown": _greatest() - level}))


def _greatest() -> int:
    """The greatest resident memory so far, in bytes. Raises OSError where there is no /proc."""
    found = re.search(r"^VmHWM:\s+(\d+) kB$", STATUS.read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"{STATUS} says nothing of VmHWM")
    return int(found[1]) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
