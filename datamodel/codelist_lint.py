"""What only the message types can tell about bindings: that each meets a position, and the siblings it asks for."""

from pathlib import Path

from datamodel.bindings import Binding, Compiler, Node
from datamodel.codelist_files import BINDINGS, BadLists, Fault, read_folder
from datamodel.registry import Registry


def lint(folder: Path, registry: Registry) -> list[Fault]:
    """Every fault of the code lists of a folder, in the order of files and lines."""
    try:
        _, bindings = read_folder(folder)
    except BadLists as bad:
        return bad.faults
    met: dict[Binding, set[str]] = {binding: set() for binding in bindings}
    packages = {binding: False for binding in bindings}
    for key, message in registry.messages.items():
        fitting = [each for each in bindings if each.fits(key, each.country)]
        packages |= dict.fromkeys(fitting, True)
        compiler = Compiler(message.model, fitting)
        compiler.root()
        for node in compiler.nodes.values():
            _meet(node, met)
    faults = [_fault(folder, each, met[each], packages[each]) for each in bindings]
    return sorted(fault for fault in faults if fault)


def _meet(node: Node, met: dict[Binding, set[str]]) -> None:
    """Note for every row bound in a class which siblings it finds there."""
    names = {element.json_name for element in node.content.children}
    for entry in node.entries:
        for leaf in entry.leaves:
            for binding in leaf.bindings:
                met[binding] |= names


def _fault(folder: Path, binding: Binding, siblings: set[str], package: bool) -> Fault | None:
    file, line = str(folder / BINDINGS), int(binding.place.rpartition(":")[2])
    if not package:
        return Fault(
            file, line, f"no message type fits {binding.package!r}", "write a key as wco-dms/3.6/DEC, * for any part"
        )
    if not siblings:
        return Fault(file, line, f"no message has a value at {binding.text}", "mend the position, or remove the row")
    wanted = [binding.prefix, binding.when.name if binding.when else ""]
    missing = [name for name in wanted if name and name not in siblings]
    if missing:
        return Fault(file, line, f"{binding.text} has no sibling {missing[0]!r}", "name an element of the same class")
    return None
