"""What an operator may not do about identifiers and mandates, and what is said then."""

import pytest

from gateway.mandates import office

WANTED = office.Wanted("importer", "broker", ("import",), "2026-11-21", None, False)


@pytest.fixture
async def traders(store):
    for number, (name, role) in enumerate((("importer", "trader"), ("broker", "trader"), ("clerk", "operator"))):
        await store.add_account(name, role, None, str(number) * 64)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"agent": "importer"}, "between two accounts"),
        ({"agent": "nobody"}, "no trader named 'nobody'; guichet account list"),
        ({"principal": "clerk"}, "no trader named 'clerk'"),
        ({"last_day": "2026-11-20"}, "would end on 2026-11-20, before it begins, or in the past"),
        ({"first_day": "2027-01-01", "last_day": "2026-12-31"}, "would end on 2026-12-31"),
        ({"first_day": "soon"}, "'soon' is no day, as 2027-01-31"),
        ({"last_day": "2026-02-30"}, "'2026-02-30' is no day"),
    ],
)
async def test_a_mandate_that_cannot_be_is_refused(store, traders, clock, changes, told):
    with pytest.raises(ValueError, match=told):
        await office.grant(store, WANTED._replace(**changes), "why", "who", 9, clock(), bytes)
    assert await store.mandates(None, None, 9) == []


@pytest.mark.parametrize(("reason", "by"), [("", "who"), ("why", " "), ("two\nlines", "who"), ("x" * 501, "who")])
async def test_nothing_is_done_without_a_reason_and_a_name(store, traders, clock, reason, by):
    with pytest.raises(ValueError, match="must be one line"):
        await office.grant(store, WANTED, reason, by, 9, clock(), bytes)
    mandate = await office.grant(store, WANTED, "why", "who", 9, clock(), bytes)
    with pytest.raises(ValueError, match="must be one line"):
        await office.revoke(store, mandate.id, reason, by, clock())
    assert (await store.mandate(mandate.id, None)).revoked_at is None


@pytest.mark.parametrize("identifier", ["", "  ", "X" * 18, "XZ\n1"])
async def test_what_no_declaration_can_carry_is_no_identifier(store, traders, clock, identifier):
    with pytest.raises(ValueError, match="1 to 17 printable characters"):
        await office.add_identifier(store, "importer", identifier, clock())
    assert await store.identifiers() == []
