from collections.abc import Collection

from lxml import etree

from datamodel.native.plans import Plan

LXML: str

def read(plan: Plan, root: etree._Element) -> bytes | None: ...
def children(parent: etree._Element, names: Collection[str]) -> list[etree._Element]: ...
