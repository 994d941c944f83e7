"""A typed document to XML in one pass, straight from where the structs keep their fields.

With `strict` it judges as it goes, because the types of the structs check kinds and counts, not the texts themselves:
what is not valid and in normal form is left to the careful way. Without, the document is trusted.
"""

from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_AsUTF8AndSize

from libc.string cimport memchr

from decimal import Decimal

from datamodel.native.buffer cimport Buffer, let_go, put, put_bytes, put_xml, taken
from datamodel.native.plans cimport NUMBER, Class, Plan, Position, Type, Use, Value

cdef object NUMBERS = Decimal
cdef bytes HEAD = b"<?xml version='1.0' encoding='UTF-8'?>\n"
cdef bytes XSI = b' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


cdef struct Writing:
    Buffer out
    Buffer number
    bint strict
    Py_ssize_t members  # properties that the JSON of what was written has
    Py_ssize_t strings  # and strings, names included


def write(Plan plan not None, document, bint strict=False):
    """The XML with the counts of members and strings of its JSON; None where it cannot be written, or is not valid."""
    cdef Writing writing
    cdef Position root = plan.root
    writing.out = writing.number = Buffer(NULL, 0, 0)
    writing.strict = strict
    writing.members = writing.strings = 1
    try:
        put_bytes(&writing.out, HEAD)
        put_bytes(&writing.out, root.opening)
        put_bytes(&writing.out, plan.declarations)
        if root.below is None or not members(root.below, document, &writing):
            return None
        put_bytes(&writing.out, root.closing)
        return taken(&writing.out), writing.members, writing.strings
    finally:
        let_go(&writing.out)
        let_go(&writing.number)


def scan(bytes json not None):
    """The numbers of members and of strings in a JSON text that is well-formed."""
    cdef const char* at = json
    cdef const char* end = at + len(json)
    cdef Py_ssize_t found = 0, strings = 0
    while at < end:
        if at[0] == c'"':
            strings += 1
            at = closing_quote(at + 1, end)
        elif at[0] == c":":
            found += 1
        at += 1
    return found, strings


cdef const char* closing_quote(const char* at, const char* end) noexcept:
    """Where a string ends: at the first quote that has no backslash, or two, or four before it."""
    cdef const char* found = at
    cdef const char* before
    while True:
        found = <const char*>memchr(found, c'"', end - found)
        if found == NULL:
            return end
        before = found
        while before > at and before[-1] == c"\\":
            before -= 1
        if (found - before) % 2 == 0:
            return found
        found += 1


cdef inline PyObject* kept(object struct, Py_ssize_t offset) noexcept:
    """What a struct keeps at an offset; NULL for None and for what is not set."""
    cdef PyObject* found = (<PyObject**>(<char*><PyObject*>struct + offset))[0]
    return NULL if found == <PyObject*>None else found


cdef int members(Class plan, object struct, Writing* writing) except -1:
    """What stands in a class, from the end of its opening tag on."""
    cdef Position at
    cdef PyObject* found
    if type(struct) is not plan.struct:
        return 0
    if not hints(plan, struct, writing):
        return 0
    put(&writing.out, b">", 1)
    for at in plan.positions:
        found = kept(struct, at.offset)
        if found == NULL:
            continue
        if not at.many:
            writing.members += 1
            writing.strings += 1
            if not element(at, <object>found, writing):
                return 0
        elif not repeated(at, <object>found, writing):
            return 0
    return 1


cdef int repeated(Position at, object found, Writing* writing) except -1:
    """All occurrences of a position."""
    if type(found) is not tuple:
        return 0
    if (<tuple>found):
        writing.members += 1
        writing.strings += 1
    for each in <tuple>found:
        if not element(at, each, writing):
            return 0
    return 1


cdef int hints(Class plan, object struct, Writing* writing) except -1:
    """The location hints of a class."""
    cdef PyObject* first = kept(struct, plan.first_hint)
    cdef PyObject* second = kept(struct, plan.second_hint)
    if first == NULL and second == NULL:
        return 1
    put_bytes(&writing.out, XSI)
    if first != NULL and not hint(b' xsi:schemaLocation="', <object>first, writing):
        return 0
    return second == NULL or hint(b' xsi:noNamespaceSchemaLocation="', <object>second, writing)


cdef int hint(bytes opening, object found, Writing* writing) except -1:
    cdef Py_ssize_t size
    cdef const char* text = PyUnicode_AsUTF8AndSize(found, &size)
    put_bytes(&writing.out, opening)
    writing.members += 1
    writing.strings += 2
    if not put_xml(&writing.out, text, size, True):
        return 0
    put(&writing.out, b'"', 1)
    return 1


cdef int element(Position at, object found, Writing* writing) except -1:
    """One occurrence with its tags."""
    put_bytes(&writing.out, at.opening)
    if at.below is not None:
        if not members(at.below, found, writing):
            return 0
    elif not simple(at.value, found, writing):
        return 0
    put_bytes(&writing.out, at.closing)
    return 1


cdef int simple(Value plan, object found, Writing* writing) except -1:
    """The attributes of a value, the end of its opening tag, and the value."""
    cdef Use use
    cdef PyObject* mark
    cdef Py_ssize_t before = writing.members
    if plan.struct is not None and type(found) is plan.struct:
        for use in plan.uses:
            mark = kept(found, use.offset)
            if mark == NULL:
                continue
            writing.members += 1
            writing.strings += 1
            put_bytes(&writing.out, use.opening)
            if not value(use.type, <object>mark, writing, True):
                return 0
            put(&writing.out, b'"', 1)
        if writing.strict and writing.members == before:
            return 0  # a value without attributes is written bare
        writing.members += 1
        writing.strings += 1
        mark = kept(found, plan.offset)
        if mark == NULL:
            return 0
        found = <object>mark
    put(&writing.out, b">", 1)
    return value(plan.type, found, writing, False)


cdef int value(Type kind, object found, Writing* writing, bint quoted) except -1:
    """A text or a number."""
    cdef Py_ssize_t size
    cdef const char* text
    if type(found) is NUMBERS:
        return number(kind, found, writing)
    if type(found) is not str or kind.form == NUMBER:
        return 0
    writing.strings += 1
    text = PyUnicode_AsUTF8AndSize(found, &size)
    if writing.strict and not kind.fits(text, size):
        return 0
    return put_xml(&writing.out, text, size, quoted)


cdef int number(Type kind, object found, Writing* writing) except -1:
    """A number in plain notation; with `strict` only one that is in it already, so that nothing is lost."""
    cdef Py_ssize_t size, begun = writing.out.size
    cdef str written = str(found)
    cdef const char* text = PyUnicode_AsUTF8AndSize(written, &size)
    if not writing.strict:
        if "E" in written:
            written = format(found, "f")
            text = PyUnicode_AsUTF8AndSize(written, &size)
        put(&writing.out, text, size)
        return 1
    return kind.form == NUMBER and kind.put_number(&writing.out, text, size) and writing.out.size - begun == size
