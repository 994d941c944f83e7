"""The groups of measurements: name to the module that runs it, imported only when it runs.

A module has `run(options: Options) -> list[Row]`. A new group is a line here.
"""

import msgspec


class Group(msgspec.Struct, frozen=True):
    """One line of the table. `long` groups run only with --full, or when named."""

    module: str
    about: str
    long: bool = False


GROUPS = {
    "codecs": Group("perf.codecs", "declarations converted, against the floor and against peers"),
    "growth": Group("perf.growth", "cost and memory from one goods item to ten thousand consignments"),
    "start": Group("perf.start", "the command line and the server until they answer"),
    "service": Group("perf.service.accept", "declarations accepted a second, against a bare handler and a plain stack"),
    "loop": Group("perf.service.loop", "the full loop: accepted, decided by three agencies, answered"),
    "stalls": Group("perf.service.stalls", "small requests while big messages are worked on"),
    "bulk": Group("perf.service.bulk", "declarations in batches, against one by one, and beside them"),
    "documents": Group("perf.service.documents", "documents streamed in and out, against a bare handler"),
    "scale": Group("perf.service.scale", "many stored cases, memory over many declarations, a body of 1 GB"),
}
