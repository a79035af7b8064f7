"""What each seat shows by default, as data, for an HD and a 4K screen. A desk shows more on 4K; a wall shows the same, bigger."""

from __future__ import annotations

from app.domain.role import Seat
from app.domain.text import N_
from app.shell.layouts import Layout, column, group, row

STANDARD = N_("Standard")
WIDE = N_("Standard, wide screen")
_WIDE_FROM = 2_800
"""Pixels across (after scaling) from which a desk has room for more panels beside one another."""

DUTY = Layout(
    STANDARD,
    Seat.DUTY,
    row(
        group("alerts", "hidden", share=23),
        column(group("map", share=56), group("case", "trend", "kpi", share=44), share=56),
        column(group("units", share=56), group("board", "links", "activity", share=44), share=21),
    ),
)
DUTY_WIDE = Layout(
    WIDE,
    Seat.DUTY,
    row(
        group("alerts", "hidden", share=18),
        column(group("map", share=62), row(group("case", share=55), group("trend", "kpi", share=45), share=38), share=48),
        column(group("units", share=55), group("cases", share=45), share=17),
        column(group("board", share=55), group("activity", share=25), group("links", share=20), share=17),
    ),
)
WALL = Layout(
    STANDARD,
    Seat.WALL,
    column(
        row(group("board", share=21), group("map", share=51), group("alerts", share=28), share=76),
        group("cases", share=24),
    ),
)
COCKPIT = Layout(
    STANDARD,
    Seat.COCKPIT,
    column(
        group("overview", share=34, bare=True),
        row(group("map", share=37), group("compare", share=39), group("brief", share=24), share=66),
    ),
)


def standard(seat: Seat, width: int, scale: float = 1.0) -> Layout:
    """The default layout of `seat` on a place `width` pixels wide, at the theme's `scale`."""
    if seat is Seat.WALL:
        return WALL
    if seat is Seat.COCKPIT:
        return COCKPIT
    return DUTY_WIDE if width / scale >= _WIDE_FROM else DUTY


def usual_scale(seat: Seat, screen_height: int) -> float:
    """The scale a seat starts with on a screen `screen_height` device-independent pixels high.

    A wall is read from afar and grows with its screen; a desk keeps its size and shows more; a cockpit is touched, so a little larger.
    """
    if seat is Seat.WALL:
        return max(1.0, round(1.25 * screen_height / 1080 * 20) / 20)
    return 1.15 if seat is Seat.COCKPIT else 1.0


def usually_dark(seat: Seat) -> bool:
    """Whether the seat starts in the dark theme."""
    return seat is not Seat.COCKPIT
