"""Words for people. Chinese and English are equals, so a name from a city or a platform always carries both."""

from __future__ import annotations

import unicodedata

import msgspec

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Control, direction-changing, zero-width and half characters: they can make a record read differently from what it says."""
_BREAKS = "\n\t"
_SPACING = frozenset("\n\t\r\v\f\x85\u2028\u2029")
"""What parts two words, and must go on parting them where it may not stay itself."""


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


def plain(words: str, *, lines: bool = False, most: int = 0) -> str:
    """`words` without invisible characters and outer blanks; line breaks and tabs stay where `lines`, and are blanks elsewhere. Of more
    than `most` characters (0: no bound) the first are kept, with an ellipsis in place of the rest."""
    # What is hidden may not make the work unbounded: four times the bound is looked at, and no more.
    cut = bool(most) and len(words) > 4 * most
    shown = words[: 4 * most] if cut else words
    if not (shown.replace("\n", "").replace("\t", "") if lines else shown).isprintable():
        shown = "".join(_shown(char, lines) for char in shown)
    shown = shown.strip()
    if most and (cut or len(shown) > most):
        return shown[: most - 1].rstrip() + "…"
    return shown


def _shown(char: str, lines: bool) -> str:
    if lines and char in _BREAKS:
        return char
    if char in _SPACING:
        return "" if lines else " "
    return "" if unicodedata.category(char) in _HIDDEN else char
