"""A process that takes turns without a pause: `python -m tests.gateway.waiting_turns FILE`.

It prints `has it` in its first turn, and `turn` in each that follows, while it still holds it.
"""

import sys
from pathlib import Path

from gateway.store.turns import Turns

turns = Turns(Path(sys.argv[1]))
text = "has it"
while True:
    with turns:
        print(text, flush=True)
    text = "turn"
