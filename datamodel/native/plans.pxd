from datamodel.native.buffer cimport Buffer


cdef enum:
    SPACES = 16  # namespaces of one message
    USES = 16  # XML attributes of one value


cdef enum Form:
    ANY
    LINE
    LETTERS
    DIGITS
    MATCHED
    NUMBER


cdef class Type:
    cdef Form form
    cdef public bint collapses
    cdef Py_ssize_t shortest, longest
    cdef int total, places
    cdef object match
    cdef set known

    cdef int fits(self, const char* s, Py_ssize_t n) except -1
    cdef int matched(self, const char* s, Py_ssize_t n) except -1
    cdef int put_number(self, Buffer* out, const char* s, Py_ssize_t n) except -1
    cdef bint within(self, const char* s, Py_ssize_t whole, Py_ssize_t point, Py_ssize_t last, Py_ssize_t zeros,
                     Py_ssize_t fraction) noexcept


cdef class Use:
    cdef bytes name, key, opening
    cdef bint required
    cdef Type type
    cdef Py_ssize_t offset


cdef class Value:
    cdef Type type
    cdef tuple uses
    cdef object struct
    cdef Py_ssize_t offset


cdef class Position:
    cdef bytes name, uri, key, opening, closing
    cdef int space
    cdef Py_ssize_t min, max, offset
    cdef bint many
    cdef Class below
    cdef Value value


cdef class Class:
    cdef tuple positions
    cdef object struct
    cdef Py_ssize_t first_hint, second_hint


cdef class Plan:
    cdef Position root
    cdef bytes declarations
