# A growable run of bytes, and the rules of bytes that both directions share.
#
# All text here is UTF-8 without NUL, as libxml2 and Python keep it.

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, strlen


cdef struct Buffer:
    char* data
    Py_ssize_t size
    Py_ssize_t room


cdef inline int put(Buffer* out, const char* data, Py_ssize_t size) except -1:
    cdef Py_ssize_t room
    cdef char* grown
    if out.size + size > out.room:
        room = (out.size + size) * 2 + 1024
        grown = <char*>realloc(out.data, room)
        if grown == NULL:
            raise MemoryError
        out.data, out.room = grown, room
    memcpy(out.data + out.size, data, size)
    out.size += size
    return 0


cdef inline int put_bytes(Buffer* out, bytes text) except -1:
    return put(out, text, len(text))


cdef inline bytes taken(Buffer* out):
    return PyBytes_FromStringAndSize(out.data, out.size)


cdef inline void let_go(Buffer* out) noexcept:
    free(out.data)
    out.data, out.size, out.room = NULL, 0, 0


cdef inline bint is_space(char c) noexcept:
    return c == c' ' or c == c'\n' or c == c'\t' or c == c'\r'


cdef inline bint is_blank(const char* s, Py_ssize_t n) noexcept:
    cdef Py_ssize_t i
    for i in range(n):
        if not is_space(s[i]):
            return False
    return True


cdef inline bint is_collapsed(const char* s, Py_ssize_t n) noexcept:
    """Whether collapsing white space (XML Schema part 2, 4.3.6) would leave the text as it is."""
    cdef Py_ssize_t i
    cdef bint after_space = True
    for i in range(n):
        if s[i] == c'\n' or s[i] == c'\t' or s[i] == c'\r' or (after_space and s[i] == c' '):
            return False
        after_space = s[i] == c' '
    return n == 0 or not after_space


cdef inline int put_collapsed(Buffer* out, const char* s, Py_ssize_t n) except -1:
    cdef Py_ssize_t i = 0, start
    cdef bint first = True
    while i < n:
        while i < n and is_space(s[i]):
            i += 1
        start = i
        while i < n and not is_space(s[i]):
            i += 1
        if i > start:
            if not first:
                put(out, b" ", 1)
            first = False
            put(out, s + start, i - start)
    return 0


cdef inline int put_json(Buffer* out, const char* s, Py_ssize_t n) except -1:
    """A JSON string with its quotes (RFC 8259, section 7); of control characters XML has only three."""
    cdef Py_ssize_t i, start = 0
    cdef const char* escaped
    put(out, b'"', 1)
    for i in range(n):
        if s[i] == c'"':
            escaped = b'\\"'
        elif s[i] == c'\\':
            escaped = b"\\\\"
        elif s[i] == c'\n':
            escaped = b"\\n"
        elif s[i] == c'\t':
            escaped = b"\\t"
        elif s[i] == c'\r':
            escaped = b"\\r"
        else:
            continue
        put(out, s + start, i - start)
        put(out, escaped, 2)
        start = i + 1
    put(out, s + start, n - start)
    put(out, b'"', 1)
    return 0


cdef inline int put_xml(Buffer* out, const char* s, Py_ssize_t n, bint quoted) except -1:
    """Character data, or the inside of an attribute (XML 1.0, 2.4 and 3.3.3). 0 for what XML does not allow."""
    cdef Py_ssize_t i, start = 0
    cdef const char* escaped
    cdef unsigned char c
    for i in range(n):
        c = s[i]
        if c >= 0x3F and c != 0xEF:
            continue
        if c == c'&':
            escaped = b"&amp;"
        elif c == c'<':
            escaped = b"&lt;"
        elif c == c'>':
            escaped = b"&gt;"
        elif c == c'\r':
            escaped = b"&#13;"
        elif quoted and c == c'"':
            escaped = b"&quot;"
        elif quoted and c == c'\t':
            escaped = b"&#9;"
        elif quoted and c == c'\n':
            escaped = b"&#10;"
        elif c < 0x20 and c != c'\t' and c != c'\n':
            return 0
        elif c == 0xEF and i + 2 < n and <unsigned char>s[i + 1] == 0xBF and <unsigned char>s[i + 2] >= 0xBE:
            return 0  # U+FFFE and U+FFFF
        else:
            continue
        put(out, s + start, i - start)
        put(out, escaped, strlen(escaped))
        start = i + 1
    put(out, s + start, n - start)
    return 1
