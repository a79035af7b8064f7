"""Words for people. Chinese and English are equals, so a name from a city or a platform always carries both."""

from __future__ import annotations

import msgspec


class Text(msgspec.Struct, frozen=True, gc=False):
    """One phrase in Chinese and English. Either may be empty, never both: `pick` falls back to the other."""

    zh: str = ""
    en: str = ""

    def pick(self, lang: str) -> str:
        """The phrase in `lang` ("zh_CN" or "en"), or in the other language where that one is missing."""
        return (self.zh or self.en) if lang.startswith("zh") else (self.en or self.zh)


def N_(phrase: str) -> str:
    """Mark an English phrase for translation where it is declared; it is translated where it is shown."""
    return phrase
