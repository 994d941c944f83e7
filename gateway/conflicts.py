"""What cannot be taken because something else was taken before it under the same name."""


class Conflict(Exception):
    """The same key or reference came before with another document.

    `first` and `second` are the digests of the bytes of both as they came: those that the sender can compute too.
    """

    def __init__(self, what: str, mrn: str, first: str, second: str) -> None:
        super().__init__(f"{what} was used before for another document")
        self.what, self.mrn, self.first, self.second = what, mrn, first, second
