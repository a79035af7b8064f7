"""Everything the deck says, in the operator's language and the city's time zone. Knows no widget."""

from __future__ import annotations

import gettext
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from app.domain.ids import Millis
from app.domain.text import N_, Text

TRANSLATIONS = Path(__file__).resolve().parents[2] / "resources" / "translations"
LANGUAGES = ("zh_CN", "en")
UNKNOWN = "—"
"""How a value that is not known is written. Never 0."""
_WEEKDAYS = (N_("Mon"), N_("Tue"), N_("Wed"), N_("Thu"), N_("Fri"), N_("Sat"), N_("Sun"))


class Words:
    """Speaks one language. English phrases are the message ids; a phrase without a translation is shown as it is (a test finds it)."""

    def __init__(self, lang: str, zone: str) -> None:
        """`lang`: "zh_CN" or "en". `zone`: IANA name of the city's time zone."""
        self.lang = lang
        self.zone = ZoneInfo(zone)
        self._catalogue = gettext.translation("citydeck", TRANSLATIONS, languages=[lang], fallback=True)

    def t(self, phrase: str, **fields: object) -> str:
        """`phrase` translated, its {fields} filled in."""
        said = self._catalogue.gettext(phrase) if phrase else ""
        return said.format(**fields) if fields else said

    def detail(self, said: str) -> str:
        """What a source or the journal says of itself: a phrase, and after a colon, as it came, what somebody else said."""
        whole = self.t(said)
        phrase, colon, more = said.partition(": ")
        return whole if whole != said or not colon else self.t(N_("{what}: {more}"), what=self.t(phrase), more=more)

    def text(self, text: Text) -> str:
        """A name from the city or a platform, in this language where it has one."""
        return text.pick(self.lang)

    def number(self, value: float | None, decimals: int = 0, *, sign: bool = False) -> str:
        """A figure with thousands separators; unknown is a dash. −0 never shows."""
        if value is None or value != value:
            return UNKNOWN
        shown = round(value, decimals) + 0.0
        said = f"{shown:+,.{decimals}f}" if sign else f"{shown:,.{decimals}f}"
        return said.replace("-", "−")

    def clock(self, at: Millis | int | None, *, seconds: bool = True) -> str:
        """Wall time in the city, 24 h."""
        if not at:
            return UNKNOWN
        return self._local(at).strftime("%H:%M:%S" if seconds else "%H:%M")

    def date(self, at: Millis | int) -> str:
        """Month, day and weekday in the city."""
        when = self._local(at)
        return f"{when:%m-%d} {self.t(_WEEKDAYS[when.weekday()])}"

    def moment(self, at: Millis | int | None) -> str:
        """Full local date and time."""
        return UNKNOWN if not at else self._local(at).strftime("%Y-%m-%d %H:%M:%S")

    def span(self, ms: float) -> str:
        """A length of time in the largest two useful units: 8 s · 4 min · 2 h 05 min · 3 d 4 h."""
        seconds = max(0, int(ms // 1000))
        if seconds < 60:
            return self.t("{n} s", n=seconds)
        if seconds < 3600:
            return self.t("{n} min", n=seconds // 60)
        if seconds < 86_400:
            return self.t("{h} h {m:02d} min", h=seconds // 3600, m=seconds % 3600 // 60)
        return self.t("{d} d {h} h", d=seconds // 86_400, h=seconds % 86_400 // 3600)

    def stopwatch(self, ms: float) -> str:
        """mm:ss, or h:mm:ss from one hour on: for ages in a list, where columns must line up."""
        seconds = max(0, int(ms // 1000))
        if seconds < 3600:
            return f"{seconds // 60:02d}:{seconds % 60:02d}"
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"

    def ago(self, at: Millis | int | None, now: Millis | int) -> str:
        """How long since `at`."""
        return UNKNOWN if not at else self.t("{span} ago", span=self.span(now - at))

    def distance(self, metres: float) -> str:
        """Metres below one kilometre, kilometres with one decimal above."""
        return self.t("{n} m", n=round(metres / 10) * 10) if metres < 950 else self.t("{n} km", n=f"{metres / 1000:.1f}")

    def _local(self, at: Millis | int) -> datetime:
        return datetime.fromtimestamp(at / 1000, self.zone)
