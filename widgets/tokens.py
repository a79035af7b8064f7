"""The colours of the look, and what can be computed of two colours. No widget reads a colour from anywhere else."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtGui import QColor


@dataclass(frozen=True)
class Tokens:
    """The colours of one light. `sev` holds severities 1 to 4 at indices 0 to 3. Treat every colour as read-only."""

    ground: QColor
    panel: QColor
    bar: QColor
    line: QColor
    ink: QColor
    ink2: QColor
    ink3: QColor
    select: QColor
    select_edge: QColor
    action: QColor
    action_edge: QColor
    action_ink: QColor
    sev: tuple[QColor, QColor, QColor, QColor]
    on_sev: QColor
    live: QColor
    live_fill: QColor
    live_ink: QColor
    replay: QColor
    replay_fill: QColor
    simulated: QColor
    edge: QColor
    """Border of a chip or a plain button: a little stronger than `line`."""
    hover: QColor
    flash: QColor
    """Ground of a value that has just changed."""
    track: QColor
    """The empty part of a bar or of the time strip."""
    measure: QColor
    measure_low: QColor
    """Bars of a comparison, and the ones below the bar."""
    spark: QColor
    sea: QColor
    land: QColor
    border: QColor
    coast: QColor
    dot: QColor
    cluster: QColor
    cluster_edge: QColor


def _c(name: str) -> QColor:
    return QColor(name)


DARK = Tokens(
    ground=_c("#0d141a"),
    panel=_c("#141d25"),
    bar=_c("#111a22"),
    line=_c("#22303b"),
    ink=_c("#e4ebf1"),
    ink2=_c("#b6c3ce"),
    ink3=_c("#8697a5"),
    select=_c("#1d3042"),
    select_edge=_c("#5aa9f0"),
    action=_c("#22384c"),
    action_edge=_c("#3f6f9c"),
    action_ink=_c("#eaf3fb"),
    sev=(_c("#ff5a5f"), _c("#ff8c3a"), _c("#f2c230"), _c("#5aa9f0")),
    on_sev=_c("#0d141a"),
    live=_c("#7fd6a6"),
    live_fill=_c("#1f3b2d"),
    live_ink=_c("#eaf3fb"),
    replay=_c("#b08cff"),
    replay_fill=_c("#2b2342"),
    simulated=_c("#f2c230"),
    edge=_c("#2b3a47"),
    hover=_c("#19242e"),
    flash=_c("#1a2530"),
    track=_c("#18232c"),
    measure=_c("#4f7ea6"),
    measure_low=_c("#b5764a"),
    spark=_c("#5f7485"),
    sea=_c("#0f1820"),
    land=_c("#1a2430"),
    border=_c("#33424f"),
    coast=_c("#3d566b"),
    dot=_c("#6f8ba0"),
    cluster=_c("#1d3042"),
    cluster_edge=_c("#41607a"),
)

LIGHT = Tokens(
    ground=_c("#f4f6f8"),
    panel=_c("#ffffff"),
    bar=_c("#ffffff"),
    line=_c("#dbe2e8"),
    ink=_c("#1b2730"),
    ink2=_c("#3d4d59"),
    # The look's #647582 reaches only 4.4 : 1 on the ground, and the look itself asks 4.5 : 1 of ink-3 too.
    ink3=_c("#61727f"),
    select=_c("#e5f0fa"),
    select_edge=_c("#1f6fb5"),
    action=_c("#e5f0fa"),
    action_edge=_c("#1f5f99"),
    action_ink=_c("#1f5f99"),
    sev=(_c("#c8242a"), _c("#b85a12"), _c("#8f6d00"), _c("#1f6fb5")),
    on_sev=_c("#ffffff"),
    live=_c("#1e8e57"),
    live_fill=_c("#e2f3ea"),
    live_ink=_c("#14633c"),
    replay=_c("#6a3fd0"),
    replay_fill=_c("#efe9fb"),
    simulated=_c("#8f6d00"),
    edge=_c("#c6d0d8"),
    hover=_c("#f0f4f7"),
    flash=_c("#f2f7fb"),
    track=_c("#e8edf1"),
    measure=_c("#8fb0ca"),
    measure_low=_c("#d9a57c"),
    spark=_c("#7690a5"),
    sea=_c("#dfe7ee"),
    land=_c("#f3f5f6"),
    border=_c("#b4c0ca"),
    coast=_c("#8ba0b1"),
    dot=_c("#58748a"),
    cluster=_c("#e5f0fa"),
    cluster_edge=_c("#7ba3c4"),
)


def contrast(a: QColor, b: QColor) -> float:
    """The contrast of two opaque colours by WCAG 2: from 1 (equal) to 21 (black on white)."""
    bright, dark = sorted((_luminance(a), _luminance(b)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def mixed(over: QColor, under: QColor, share: float) -> QColor:
    """`over` laid on `under` with `share` 0…1 of it, opaque: cheaper to paint than a translucent colour."""
    rest = 1.0 - share
    return QColor(
        round(over.red() * share + under.red() * rest),
        round(over.green() * share + under.green() * rest),
        round(over.blue() * share + under.blue() * rest),
    )


def faint(t: Tokens) -> QColor:
    """The ink of what is switched off: legible, but plainly not in use."""
    return mixed(t.ink3, t.panel, 0.6)


def _luminance(colour: QColor) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF())
