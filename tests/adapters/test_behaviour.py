"""What a virtual agency decides, and how its behaviour file is read."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from adapters.simulator.behaviour import Asked, Behaviour, Goods, decide, load

ASKED = Asked(
    delivery_id="D-1",
    mrn="M-1",
    agency="PHS",
    issued_on=date(2026, 1, 30),
    goods=(Goods(1, "06029091"), Goods(2, "06031300"), Goods(3, "")),
    permits=("N851", "C085"),
)


def plan(**keys: Any) -> list[tuple[float, str]]:
    return [(step.after, step.outcome) for step in decide(ASKED, Behaviour(**keys))]


@pytest.mark.parametrize("outcome", ["granted", "refused", "held", "documents"])
def test_the_outcome_stands_where_no_list_matches(outcome: str) -> None:
    assert plan(outcome=outcome, delay=3.0, refuse_hs=("84",), hold_hs=("8501",)) == [(3.0, outcome)]


def test_refusal_goes_before_hold_and_hold_before_outcome() -> None:
    assert plan(refuse_hs=("0602",), hold_hs=("06",)) == [(0.0, "refused")]
    assert plan(hold_hs=("060313",), outcome="refused") == [(0.0, "held")]


def test_a_hold_may_be_released() -> None:
    assert plan(hold_hs=("06",), release_after=5.0) == [(0.0, "held"), (5.0, "granted")]
    assert plan(hold_hs=("06",), release_after=5.0, outcome="refused") == [(0.0, "held"), (5.0, "refused")]
    assert plan(outcome="documents", release_after=1.0) == [(0.0, "documents"), (1.0, "granted")]
    assert plan(outcome="granted", release_after=1.0) == [(0.0, "granted")]


def test_findings_point_at_the_goods_items() -> None:
    (step,) = decide(ASKED, Behaviour(refuse_hs=("0603", "84")))
    assert step.decision["Finding"] == [
        {"Code": "NOT-ADMITTED", "Description": "HS 06031300", "SequenceNumeric": [2]},
    ]
    (step,) = decide(ASKED, Behaviour(outcome="refused"))
    assert [finding["SequenceNumeric"] for finding in step.decision["Finding"]] == [[1], [2], [3]]


def test_permits_are_issued_for_each_type_and_only_when_granted() -> None:
    (step,) = decide(ASKED, Behaviour())
    assert [permit["TypeCode"] for permit in step.decision["LPCO"]] == ["N851", "C085"]
    assert len({permit["ID"] for permit in step.decision["LPCO"]}) == 2
    assert step.decision["LPCO"][0]["ExpirationDate"] == "2026-07-29"
    assert "LPCO" not in decide(ASKED, Behaviour(lpco=False))[0].decision
    assert "LPCO" not in decide(ASKED, Behaviour(outcome="held"))[0].decision


def test_the_same_request_gives_the_same_decision() -> None:
    assert decide(ASKED, Behaviour()) == decide(ASKED, Behaviour())


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "behaviour.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_an_agency_s_table_goes_over_the_defaults(tmp_path: Path) -> None:
    file = written(tmp_path, '[defaults]\ndelay = 2\nmedia = "xml"\n[PHS]\ndelay = 0.5\n')
    assert load(file, "PHS") == Behaviour(delay=0.5, media="xml")
    assert load(file, "FSA") == Behaviour(delay=2.0, media="xml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[PHS]\noutcom = "granted"', r"\[PHS\].*outcom"),
        ('[FSA]\noutcome = "maybe"', r"\[FSA\].*maybe"),
        ('[PHS]\nrefuse_hs = ["06.02"]', r"refuse_hs"),
        ("[PHS]\ndelay = -1", r"delay"),
        ('[PHS]\nfault = "200"', r"fault"),
        ('[PHS]\nfault = "stall"\nfault_rate = 2', r"fault_rate"),
        ('[defaults]\nanswer = "poll"\n[PHS]\nfault = "503"', r"together.*fault spoils"),
        ('outcome = "granted"', r"outside a table.*\[PHS\]"),
        ("[PHS", r"behaviour\.toml"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load(written(tmp_path, text), "PHS")


def test_the_behaviour_of_the_demo_can_be_read() -> None:
    file = Path(__file__).resolve().parents[2] / "schemas" / "demo" / "behaviour.toml"
    for code in ("FSA", "PHS", "MED", "WLD", "TEX"):
        assert load(file, code).fault is None
