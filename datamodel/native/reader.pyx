"""An XML tree to canonical JSON in one pass that judges as it goes.

Rule: what it takes is valid against the model, and what it gives is the JSON that the typed document would give.
Reason: most messages are good, and for a good one neither a second walk (XML Schema) nor a Python object per element
is needed. Whatever is unusual (an `xsi:type`, a number such as `.5`) is left to the careful way, which has the last word.
"""

from libc.string cimport strcmp, strlen
from lxml.includes.etreepublic cimport _Element, elementFactory, import_lxml__etree
from lxml.includes.tree cimport XML_ELEMENT_NODE, XML_TEXT_NODE, xmlAttr, xmlNode, xmlNs

from datamodel.native.buffer cimport (
    Buffer,
    is_blank,
    is_collapsed,
    let_go,
    put,
    put_bytes,
    put_collapsed,
    put_json,
    taken,
)
from datamodel.native.plans cimport NUMBER, SPACES, USES, Class, Plan, Position, Type, Use, Value

cdef extern from "lxml-version.h":
    const char* LXML_VERSION_STRING

import_lxml__etree()

LXML = LXML_VERSION_STRING.decode()  # that this was compiled for
cdef const char* XSI = b"http://www.w3.org/2001/XMLSchema-instance"


cdef struct Reading:
    Buffer out
    Buffer gathered  # a text in pieces
    Buffer folded
    xmlNs* seen[SPACES]  # the declaration that stood for each namespace last


cdef struct Text:
    const char* data
    Py_ssize_t size


def read(Plan plan not None, _Element root not None):
    """The canonical JSON of a document as bytes; None where the careful way has to decide."""
    cdef Reading reading
    cdef Position at = plan.root
    reading.out = reading.gathered = reading.folded = Buffer(NULL, 0, 0)
    for i in range(SPACES):
        reading.seen[i] = NULL
    try:
        if not named(at, root._c_node, &reading):
            return None
        put(&reading.out, b"{", 1)
        put_bytes(&reading.out, at.key)
        if not element(at, root._c_node, &reading):
            return None
        put(&reading.out, b"}", 1)
        return taken(&reading.out)
    finally:
        let_go(&reading.out)
        let_go(&reading.gathered)
        let_go(&reading.folded)


def children(_Element parent not None, names not None):
    """The child elements whose local names are among `names`; the others are passed by without becoming objects."""
    cdef xmlNode* child = parent._c_node.children
    found = []
    while child != NULL:
        if child.type == XML_ELEMENT_NODE and (<bytes>child.name).decode() in names:
            found.append(elementFactory(parent._doc, child))
        child = child.next
    return found


cdef bint named(Position at, xmlNode* node, Reading* reading) noexcept:
    """Whether the node has the name of the position."""
    if strcmp(<const char*>node.name, at.name) != 0 or node.ns == NULL:
        return False
    if node.ns != reading.seen[at.space]:
        if node.ns.href == NULL or strcmp(<const char*>node.ns.href, at.uri) != 0:
            return False
        reading.seen[at.space] = node.ns
    return True


cdef int element(Position at, xmlNode* node, Reading* reading) except -1:
    if at.below is None:
        return simple(at.value, node, reading)
    return members(at.below, node, reading)


cdef int members(Class plan, xmlNode* node, Reading* reading) except -1:
    """The children of a class, each in its place."""
    cdef Buffer* out = &reading.out
    cdef Position at = None
    cdef Py_ssize_t index = -1, count = 0
    cdef xmlNode* child = node.children
    put(out, b"{", 1)
    cdef Py_ssize_t begun = out.size
    if node.properties != NULL and not hints(node, reading):
        return 0
    while child != NULL:
        if child.type == XML_ELEMENT_NODE:
            if at is not None and named(at, child, reading):
                count += 1
                if not at.many or (at.max >= 0 and count > at.max):
                    return 0
                put(out, b",", 1)
            else:
                if not left(at, count, out):
                    return 0
                index = next_place(plan.positions, index + 1, child, reading)
                if index < 0:
                    return 0
                at, count = <Position>plan.positions[index], 1
                if out.size > begun:
                    put(out, b",", 1)
                put_bytes(out, at.key)
                if at.many:
                    put(out, b"[", 1)
            if not element(at, child, reading):
                return 0
        elif child.type != XML_TEXT_NODE or not is_blank(<const char*>child.content, strlen(<const char*>child.content)):
            return 0
        child = child.next
    if not left(at, count, out) or not may_end(plan.positions, index + 1):
        return 0
    put(out, b"}", 1)
    return 1


cdef int left(Position at, Py_ssize_t count, Buffer* out) except -1:
    """Ends a position: closes its array, and sees that there were enough."""
    if at is None:
        return 1
    if at.many:
        put(out, b"]", 1)
    return count >= at.min


cdef Py_ssize_t next_place(tuple positions, Py_ssize_t index, xmlNode* child, Reading* reading):
    """The position of a child at or after an index; -1 where there is none, or one in between must be filled."""
    cdef Position at
    while index < len(positions):
        at = <Position>positions[index]
        if named(at, child, reading):
            return index
        if at.min > 0:
            return -1
        index += 1
    return -1


cdef bint may_end(tuple positions, Py_ssize_t index):
    """Whether all positions from an index on may be absent."""
    while index < len(positions):
        if (<Position>positions[index]).min > 0:
            return False
        index += 1
    return True


cdef int hints(xmlNode* node, Reading* reading) except -1:
    """The two location hints, which a class may carry; any other attribute is left to the careful way."""
    cdef Text found[2]
    cdef int i
    cdef Buffer* out = &reading.out
    cdef Py_ssize_t begun = out.size
    cdef xmlAttr* each = node.properties
    found[0].data = found[1].data = NULL
    while each != NULL:
        i = hint(each)
        if i < 0 or not attribute_text(each, &found[i]):
            return 0
        each = each.next
    for i in range(2):
        if found[i].data != NULL:
            if out.size > begun:
                put(out, b",", 1)
            put_bytes(out, b'"@xsi:schemaLocation":' if i == 0 else b'"@xsi:noNamespaceSchemaLocation":')
            put_json(out, found[i].data, found[i].size)
    return 1


cdef int hint(xmlAttr* each) noexcept:
    """0 or 1 for a location hint, -1 for anything else."""
    if each.ns == NULL or strcmp(<const char*>each.ns.href, XSI) != 0:
        return -1
    if strcmp(<const char*>each.name, b"schemaLocation") == 0:
        return 0
    return 1 if strcmp(<const char*>each.name, b"noNamespaceSchemaLocation") == 0 else -1


cdef int attribute_text(xmlAttr* each, Text* found) noexcept:
    """The text of an attribute; 0 where it is in pieces."""
    cdef xmlNode* node = each.children
    found.data, found.size = b"", 0
    if node == NULL:
        return 1
    if node.next != NULL or node.type != XML_TEXT_NODE:
        return 0
    found.data, found.size = <const char*>node.content, strlen(<const char*>node.content)
    return 1


cdef int simple(Value plan, xmlNode* node, Reading* reading) except -1:
    """A value, as an object where it has XML attributes."""
    cdef Buffer* out = &reading.out
    cdef int found
    cdef Text text
    if not gather(node, reading, &text):
        return 0
    found = attributes(plan, node, reading)
    if found < 2:
        return found and value(plan.type, text, reading)
    put(out, b'"value":', 8)
    if not value(plan.type, text, reading):
        return 0
    put(out, b"}", 1)
    return 1


cdef int attributes(Value plan, xmlNode* node, Reading* reading) except -1:
    """Opens an object with the attributes of a value in the model's order: 2; 1 where it has none, 0 for a fault."""
    cdef Text found[USES]
    cdef xmlAttr* each = node.properties
    cdef Py_ssize_t i, size = len(plan.uses)
    cdef bint some = False
    cdef Use use
    for i in range(size):
        found[i].data = NULL
    while each != NULL:
        if each.ns == NULL:
            i = use_of(plan.uses, <const char*>each.name)
            if i < 0 or not attribute_text(each, &found[i]):
                return 0
            some = True
        elif hint(each) < 0:
            return 0
        each = each.next
    if some:
        put(&reading.out, b"{", 1)
    for i in range(size):
        use = <Use>plan.uses[i]
        if found[i].data == NULL:
            if use.required:
                return 0
            continue
        put_bytes(&reading.out, use.key)
        if not value(use.type, found[i], reading):
            return 0
        put(&reading.out, b",", 1)
    return 2 if some else 1


cdef Py_ssize_t use_of(tuple uses, const char* name):
    cdef Py_ssize_t i
    for i in range(len(uses)):
        if strcmp((<Use>uses[i]).name, name) == 0:
            return i
    return -1


cdef int gather(xmlNode* node, Reading* reading, Text* text) except -1:
    """The character data of an element without children; 0 where it has any."""
    cdef xmlNode* child = node.children
    text.data, text.size = b"", 0
    if child == NULL:
        return 1
    if child.next == NULL and child.type == XML_TEXT_NODE:
        text.data, text.size = <const char*>child.content, strlen(<const char*>child.content)
        return 1
    reading.gathered.size = 0
    while child != NULL:
        if child.type != XML_TEXT_NODE:
            return 0
        put(&reading.gathered, <const char*>child.content, strlen(<const char*>child.content))
        child = child.next
    text.data, text.size = reading.gathered.data, reading.gathered.size
    return 1


cdef int value(Type kind, Text text, Reading* reading) except -1:
    """One text or number, if it is valid."""
    if kind.form == NUMBER:
        return kind.put_number(&reading.out, text.data, text.size)
    if kind.collapses and not is_collapsed(text.data, text.size):
        reading.folded.size = 0
        put(&reading.folded, b"", 0)
        put_collapsed(&reading.folded, text.data, text.size)
        text.data, text.size = reading.folded.data, reading.folded.size
    if not kind.fits(text.data, text.size):
        return 0
    put_json(&reading.out, text.data, text.size)
    return 1
