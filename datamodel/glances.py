"""A glance at the codes of a typed document: are all of them good on a day? Nothing is said of one that is not.

Almost every part of almost every document is good. So this asks no more than whether each code is in a set that was
made before, and the walk that explains goes only where the answer is no. What is good here has no finding there; what
is not good here may still have none, such as a code of white space.
The questions of a class are one Python expression, compiled once: there are many classes with few questions each, and
going through lists of questions would cost more than the answers.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from datamodel.bindings import NONE, Entry, Leaf, Node
from datamodel.codelist import ANYTHING, CodeList
from datamodel.paths import attribute_field, attribute_of, value_of
from datamodel.periods import Periods
from datamodel.structs import bare

Table = Sequence[Any]  # by number of a leaf: its codes, or for one with conditions its rows, each with its codes
Glance = Callable[[Any, Table], bool]  # whether all codes of a class and below it are good


class Lookout:
    """The glances of one message type by class, and the tables for each day."""

    def __init__(self, root: Node, lists: Mapping[str, CodeList]) -> None:
        self.lists = lists
        self._leaves: list[tuple[Entry, Leaf]] = []
        self._names: dict[Node, str] = {}
        self._named: dict[str, Any] = {"__builtins__": {}, "all": all, "bare": bare, "getattr": getattr}
        self._name(root)
        self.glances: dict[Node, Glance] = {node: self._named[name] for node, name in self._names.items()}
        self._periods = Periods(span for _, leaf in self._leaves for span in self._spans(leaf))
        self._tables: dict[int, Table] = {}

    def table(self, day: date) -> Table:
        """What is good on a day."""
        period = self._periods.of(day)
        if period not in self._tables:
            self._tables[period] = [self._cell(entry, leaf, day) for entry, leaf in self._leaves]
        return self._tables[period]

    def _name(self, node: Node) -> str:
        """The name of the glance at a class, which may hold itself."""
        if node not in self._names:
            name = self._names[node] = f"class{len(self._names)}"
            questions = [question for entry in node.entries for question in self._questions(entry)]
            self._named[name] = eval(f"lambda part, table: {' and '.join(questions)}", self._named)
        return self._names[node]

    def _questions(self, entry: Entry) -> Iterator[str]:
        """What to ask of a child, as texts. Of a model nothing gets into them but names of fields, quoted."""
        value = f"getattr(part, {entry.element.field!r})"
        for leaf in entry.leaves:
            yield self._question(entry, leaf, value, f"table[{len(self._leaves)}]")
            self._leaves.append((entry, leaf))
        if entry.below is not None and entry.element.many:
            yield f"(not (found := {value}) or all({self._name(entry.below)}(each, table) for each in found))"
        elif entry.below is not None:
            yield f"((found := {value}) is None or {self._name(entry.below)}(found, table))"

    def _question(self, entry: Entry, leaf: Leaf, value: str, codes: str) -> str:
        if not _is_plain(entry, leaf):
            name = f"leaf{len(self._leaves)}"
            self._named[name] = lambda part, rows: _fits(entry, leaf, part, rows)
            return f"{name}(part, {codes})"
        if leaf.attribute is not None:
            return f"getattr({value}, {attribute_field(leaf.attribute)!r}, None) in {codes}"
        return f"((found := {value}) in {codes} or bare(found) in {codes})"

    def _spans(self, leaf: Leaf) -> Iterator[tuple[date | None, date | None]]:
        for row in leaf.bindings:
            yield row.effective_from, row.effective_to
            if row.list != NONE:
                yield from self.lists[row.list].spans

    def _cell(self, entry: Entry, leaf: Leaf, day: date) -> Any:
        live = [each for each in leaf.bindings if each.effective_from <= day <= each.effective_to]
        rows = [(each, ANYTHING if each.list == NONE else self.lists[each.list].good(day)) for each in live]
        if not _is_plain(entry, leaf):
            return rows
        return rows[0][1] if rows else ANYTHING


def _is_plain(entry: Entry, leaf: Leaf) -> bool:
    """Whether a value stands alone and is a code of a list as it is, whatever stands beside it."""
    conditions = any(each.when or each.prefix or each.first is not None for each in leaf.bindings)
    return not entry.element.many and not conditions


def _fits(entry: Entry, leaf: Leaf, parent: Any, rows: Table) -> bool:
    """Whether the values of a leaf that may repeat or has conditions are good."""
    found = entry.get(parent)
    for value in found if type(found) is tuple else (found,):
        text = value_of(value) if leaf.attribute is None else attribute_of(value, leaf.attribute)
        if isinstance(text, str):
            for row, codes in rows:
                if row.when is None or row.when.holds(parent):
                    if row.code(parent, text) not in codes:
                        return False
                    break
    return True
