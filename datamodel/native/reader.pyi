from lxml import etree

from datamodel.native.plans import Plan

LXML: str

def read(plan: Plan, root: etree._Element) -> bytes | None: ...
