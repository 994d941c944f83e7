"""The model as C sees it: for each class its positions, with the bytes to write and the place in the struct to look.

A plan is made once from the model and the struct types of a message; `reader` and `writer` walk along it.
"""

import re
from types import MemberDescriptorType

from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_DecodeUTF8

from datamodel.facets import safe_pattern
from datamodel.limits import MAX_DIGITS
from datamodel.model import LOCATION_HINTS, Simple
from datamodel.tables import ALPHABETS, NOT_BLANK

from datamodel.native.buffer cimport Buffer, is_collapsed, is_space, put

cdef extern from "descrobject.h":
    ctypedef struct PyMemberDef:
        Py_ssize_t offset

    ctypedef struct PyMemberDescrObject:
        PyMemberDef* d_member

MEMO = 1024  # accepted values of one type that are remembered
cdef Py_ssize_t MEMO_SIZE = 64  # bytes of the longest one
cdef int MOST_DIGITS = MAX_DIGITS
cdef int TINY = 6  # zeros after the point beyond which Python writes an exponent
FORMS = {None: ANY, NOT_BLANK: LINE, ALPHABETS["a"]: LETTERS, ALPHABETS["n"]: DIGITS}
TEXTS = ("string", "token")


cdef class Type:
    """A simple type: what its values look like once white space is folded."""

    def __init__(self, kind):
        self.collapses = kind.white_space == "collapse"
        self.shortest = kind.length or kind.min_length or 0
        self.longest = kind.length or kind.max_length or -1
        self.total = -1 if kind.total_digits is None else kind.total_digits
        self.places = -1 if kind.fraction_digits is None else kind.fraction_digits
        self.known = set()
        if kind.primitive == "decimal":
            self.form = NUMBER
        elif kind.primitive in TEXTS and not kind.values and kind.pattern in FORMS:
            self.form = FORMS[kind.pattern]
        else:
            self.form = MATCHED
            self.match = re.compile(safe_pattern(kind)).search

    cdef int fits(self, const char* s, Py_ssize_t n) except -1:
        """1 for a valid text in normal form; 0 for what another has to judge."""
        cdef Py_ssize_t i, length = 0
        if self.collapses and not is_collapsed(s, n):
            return 0
        if self.shortest > 0 or self.longest >= 0:
            for i in range(n):
                length += (s[i] & 0xC0) != 0x80  # characters, not bytes
            if length < self.shortest or (self.longest >= 0 and length > self.longest):
                return 0
        if self.form == ANY:
            return 1
        if self.form == LINE:
            return is_line(s, n)
        if self.form == MATCHED:
            return self.matched(s, n)
        for i in range(n):
            if not (is_letter(s[i]) if self.form == LETTERS else is_digit(s[i])):
                return 0
        return 1

    cdef int matched(self, const char* s, Py_ssize_t n) except -1:
        """Whether the pattern takes it. Codes repeat, so what was taken is remembered."""
        text = PyUnicode_DecodeUTF8(s, n, NULL)
        if text in self.known:
            return 1
        if self.match(text) is None:
            return 0
        if n <= MEMO_SIZE:
            if len(self.known) >= MEMO:
                self.known.clear()
            self.known.add(text)
        return 1

    cdef int put_number(self, Buffer* out, const char* s, Py_ssize_t n) except -1:
        """A number of XML in the one notation that `numbers.plain` gives it; 0 for what another has to judge."""
        cdef Py_ssize_t i = 0, whole, point, fraction, last, zeros
        cdef bint negative = False
        while i < n and is_space(s[i]):
            i += 1
        while n > i and is_space(s[n - 1]):
            n -= 1
        if i < n and (s[i] == c"-" or s[i] == c"+"):
            negative = s[i] == c"-"
            i += 1
        while i + 1 < n and s[i] == c"0" and is_digit(s[i + 1]):
            i += 1
        whole = i
        while i < n and is_digit(s[i]):
            i += 1
        point = i
        if i < n and s[i] == c".":
            i += 1
            while i < n and is_digit(s[i]):
                i += 1
        fraction = i - point - 1 if i > point else 0
        if i != n or point == whole or fraction == 0 < i - point:
            return 0  # no number, or one that begins or ends with its point
        last = point + fraction if fraction else point - 1
        while last > point and s[last] == c"0":
            last -= 1
        zeros = point + 1
        while zeros <= last and s[zeros] == c"0":
            zeros += 1
        if not self.within(s, whole, point, last, zeros, fraction):
            return 0
        if negative and (s[whole] != c"0" or last > point):
            put(out, b"-", 1)
        put(out, s + whole, n - whole)
        return 1

    cdef bint within(self, const char* s, Py_ssize_t whole, Py_ssize_t point, Py_ssize_t last, Py_ssize_t zeros,
                     Py_ssize_t fraction) noexcept:
        """The digit ceilings: of the value for the type, of the notation for the gateway."""
        cdef bint none_before = s[whole] == c"0"  # leading zeros are gone, so this is the only digit
        cdef Py_ssize_t before = 0 if none_before else point - whole
        cdef Py_ssize_t after = last - point if last > point else 0
        cdef Py_ssize_t total = before + after if before + after > 0 else 1
        if none_before and (zeros - point - 1 >= TINY if after else fraction > TINY):
            return False
        if (point - whole) + fraction > MOST_DIGITS:
            return False
        return (self.total < 0 or total <= self.total) and (self.places < 0 or after <= self.places)


cdef inline bint is_letter(char c) noexcept:
    return c"a" <= c <= c"z" or c"A" <= c <= c"Z"


cdef inline bint is_digit(char c) noexcept:
    return c"0" <= c <= c"9"


cdef int is_line(const char* s, Py_ssize_t n) noexcept:
    """Text on one line that is not blank."""
    cdef Py_ssize_t i
    cdef int filled = 0
    for i in range(n):
        if s[i] == c"\n" or s[i] == c"\r":
            return 0
        if s[i] != c" " and s[i] != c"\t":
            filled = 1
    return filled


cdef Py_ssize_t offset_of(object struct, str field) except -1:
    """Where a struct keeps a field."""
    found = struct.__dict__[field]
    if type(found) is not MemberDescriptorType:
        raise TypeError(f"{struct.__name__}.{field} is not kept in the struct itself")
    return (<PyMemberDescrObject*><PyObject*>found).d_member.offset


cdef class Use:
    """An XML attribute of a value."""

    def __init__(self, use, struct):
        self.name = use.name.encode()
        self.key = f'"@{use.name}":'.encode()
        self.opening = f' {use.name}="'.encode()
        self.required = use.required
        self.type = Type(use.type)
        self.offset = offset_of(struct, f"at_{use.name}")


cdef class Value:
    """A simple content: a text or number, and the struct that holds it where it has XML attributes."""

    def __init__(self, content, structs):
        self.type = Type(content.type)
        self.struct = structs.attributed(content)
        self.uses = tuple(Use(use, self.struct) for use in content.attributes)
        if len(self.uses) > USES:
            raise ValueError(f"{content.type.name}: more than {USES} XML attributes")
        self.offset = offset_of(self.struct, "value") if self.struct else 0


cdef class Position:
    """A child of a class, with its tags as they are written."""

    def __init__(self, element, plan, struct):
        prefix = plan.prefix_of[element.namespace]
        name = f"{prefix}:{element.name}" if prefix else element.name
        self.name, self.uri = element.name.encode(), element.namespace.encode()
        self.space = plan.space(element.namespace)
        self.key = f'"{element.json_name}":'.encode()
        self.opening, self.closing = f"<{name}".encode(), f"</{name}>".encode()
        self.min, self.max = element.min, -1 if element.max is None else element.max
        self.many = element.many
        self.offset = offset_of(struct, element.field) if struct else 0
        if isinstance(element.content, Simple):
            self.value = plan.value(element.content)
        else:
            self.below = plan.class_of(element)


cdef class Class:
    """A class of the model."""


class Compiler:
    """Makes the plan of one message; classes and values that stand in several places are shared."""

    def __init__(self, model, structs):
        self.structs = structs
        self.prefix_of = {uri: prefix for prefix, uri in reversed(model.prefixes)}
        self.spaces, self.classes, self.values = [], {}, {}

    def space(self, namespace):
        if namespace not in self.spaces:
            self.spaces.append(namespace)
        return self.spaces.index(namespace)

    def value(self, content):
        if content not in self.values:
            self.values[content] = Value(content, self.structs)
        return self.values[content]

    def class_of(self, element):
        cdef Class made
        content = element.content
        if content not in self.classes:
            made = self.classes[content] = Class()
            made.struct = self.structs.of_class(element.name, content)
            made.first_hint, made.second_hint = (offset_of(made.struct, f"at_xsi_{name}") for name in LOCATION_HINTS)
            made.positions = tuple(Position(each, self, made.struct) for each in content.children)
        return self.classes[content]


cdef class Plan:
    """A whole message."""

    def __init__(self, model, structs):
        compiler = Compiler(model, structs)
        self.root = Position(model.root, compiler, None)
        declared = (f' xmlns{prefix and ":" + prefix}="{uri}"' for prefix, uri in model.prefixes)
        self.declarations = "".join(declared).encode()
        if len(compiler.spaces) > SPACES:
            raise ValueError(f"{model.key}: more than {SPACES} namespaces")

