"""What the page is told, by hand."""

from __future__ import annotations

from app.pages.shared.status import Facts, status_view


def test_the_status_line_leaves_out_what_is_not_known() -> None:
    assert status_view(Facts("loading", "Loading"))["facts"] == []
    facts = Facts(
        "ready",
        "",
        "cpu",
        "studio",
        "0123456789abcdef",
        "spring-and-summer-of-1998-r12-3f2a9c",
        1234,
        (("a", 3.4), ("b", 2500.0)),
    )
    view = status_view(facts)
    assert view["facts"][2:] == [
        ["checkpoint", "0123456789ab"],
        ["bank", "spring-and-summer-o…-r12-3f2a9c (1,234 entries)"],
    ]
    assert view["timings"] == "a 3 ms · b 2.5 s"
