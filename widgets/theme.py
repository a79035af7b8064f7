"""One place for colours, fonts and lengths, so that a whole deck changes its light, or grows for a wall, by one setting.

It knows no widget and no city. All colours come from the look's table of tokens. Use it on the thread that owns the QApplication.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPalette, QPixmap

from widgets.stylesheet import stylesheet
from widgets.tokens import DARK, LIGHT, Tokens, contrast, faint, mixed

__all__ = ["DARK", "FAMILIES", "LIGHT", "Theme", "Tokens", "contrast", "mixed"]

FAMILIES = ["Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "Inter", "DejaVu Sans"]
"""Chinese faces first: their Latin shares the Chinese baseline."""

# Values tick for weeks: what is remembered of them is dropped as a whole when it has grown.
_MOST_SPRITES = 4096
_MOST_WIDTHS = 16384


class Theme(QObject):
    """The light and the size in force. `changed` says that either has changed; widgets then lay out and paint anew."""

    changed = Signal()

    def __init__(self, *, dark: bool = True, scale: float = 1.0, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._dark = dark
        self._scale = scale
        self._fonts: dict[tuple[int, bool, bool], QFont] = {}
        self._metrics: dict[tuple[int, bool, bool], QFontMetrics] = {}
        self._sprites: dict[Hashable, QPixmap] = {}
        self._widths: dict[tuple[str, int, bool], int] = {}

    @property
    def dark(self) -> bool:
        return self._dark

    @property
    def tokens(self) -> Tokens:
        return DARK if self._dark else LIGHT

    @property
    def scale(self) -> float:
        """Factor of every length and font: 1 on a desk, more on a wall."""
        return self._scale

    def set_dark(self, dark: bool) -> None:
        if dark != self._dark:
            self._dark = dark
            self._forget()

    def set_scale(self, scale: float) -> None:
        """Raises ValueError outside 0.5…8, where nothing would be legible or fit."""
        if not 0.5 <= scale <= 8.0:
            raise ValueError(f"scale {scale} is outside 0.5…8")
        if scale != self._scale:
            self._scale = scale
            self._forget()

    def px(self, n: float) -> int:
        """A desk length in logical pixels, scaled; never below 1 for a length above 0."""
        return max(1, round(n * self._scale)) if n > 0 else 0

    def font(self, px: int, bold: bool = False, tabular: bool = True) -> QFont:
        """The deck's face at `px` desk pixels; figures of one width unless `tabular` is False. Shared: do not change it."""
        key = (px, bold, tabular)
        found = self._fonts.get(key)
        if found is None:
            found = self._make_font(px, bold, tabular)
            self._fonts[key] = found
        return found

    def metrics(self, px: int, bold: bool = False, tabular: bool = True) -> QFontMetrics:
        """Measures of `font` with the same arguments, cached."""
        key = (px, bold, tabular)
        found = self._metrics.get(key)
        if found is None:
            found = QFontMetrics(self.font(px, bold, tabular))
            self._metrics[key] = found
        return found

    def width(self, text: str, px: int, bold: bool = False) -> int:
        """How wide `text` is in `font(px, bold)`, remembered: shaping a word costs as much as drawing it."""
        key = (text, px, bold)
        found = self._widths.get(key)
        if found is None:
            if len(self._widths) >= _MOST_WIDTHS:
                self._widths.clear()
            found = self.metrics(px, bold).horizontalAdvance(text)
            self._widths[key] = found
        return found

    def elided(self, text: str, px: int, room: int, bold: bool = False) -> str:
        """`text`, or as much of it as fits into `room` pixels with an ellipsis."""
        if not text or self.width(text, px, bold) <= room:
            return text
        return self.metrics(px, bold).elidedText(text, Qt.TextElideMode.ElideRight, max(0, room))

    def baseline(self, px: int, top: int, height: int, bold: bool = False) -> int:
        """The y at which `font(px, bold)` stands in the middle of a line of `height` at `top`. Same for every text of a size."""
        metrics = self.metrics(px, bold)
        return top + (height + metrics.ascent() - metrics.descent()) // 2

    def severity(self, n: int) -> QColor:
        """The colour of severity 1 to 4; anything else is not a severity and has the colour of labels."""
        return self.tokens.sev[n - 1] if 1 <= n <= 4 else self.tokens.ink2

    def sprite(self, key: Hashable, make: Callable[[], QPixmap]) -> QPixmap:
        """The pixmap made for `key` under this light and size; `make` runs once until the theme changes."""
        found = self._sprites.get(key)
        if found is None:
            if len(self._sprites) >= _MOST_SPRITES:
                self._sprites.clear()
            found = make()
            self._sprites[key] = found
        return found

    def palette(self) -> QPalette:
        """The application's palette: for what Qt draws itself where no style sheet reaches, such as arrows and an unstyled ground."""
        t = self.tokens
        made = QPalette(t.panel, t.panel)
        role = QPalette.ColorRole
        roles = {
            role.Window: t.panel,
            role.Base: t.ground,
            role.AlternateBase: t.panel,
            role.Button: t.panel,
            role.ToolTipBase: t.panel,
            role.WindowText: t.ink2,
            role.Text: t.ink,
            role.ButtonText: t.ink2,
            role.ToolTipText: t.ink,
            role.BrightText: t.ink,
            role.PlaceholderText: t.ink3,
            role.Highlight: t.select,
            role.HighlightedText: t.ink,
            role.Link: t.select_edge,
            role.Light: t.edge,
            role.Midlight: t.line,
            role.Mid: t.line,
            role.Dark: t.line,
            role.Shadow: t.ground,
        }
        for which, colour in roles.items():
            made.setColor(which, colour)
        for which in (role.WindowText, role.Text, role.ButtonText):
            made.setColor(QPalette.ColorGroup.Disabled, which, faint(t))
        return made

    def qss(self) -> str:
        """The application's style sheet: standard widgets and docks in this light and size."""
        return stylesheet(self.tokens, self.px, FAMILIES)

    def _make_font(self, px: int, bold: bool, tabular: bool) -> QFont:
        font = QFont()
        font.setFamilies(FAMILIES)
        font.setPixelSize(self.px(px))
        font.setWeight(QFont.Weight.Bold if bold else QFont.Weight.Normal)
        if tabular:
            font.setFeature(QFont.Tag("tnum"), 1)
        return font

    def _forget(self) -> None:
        self._fonts.clear()
        self._metrics.clear()
        self._sprites.clear()
        self._widths.clear()
        self.changed.emit()
