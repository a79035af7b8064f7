"""The application's style sheet, apart from the theme because it is long and read by nobody else.

It styles Qt's own widgets and the docks' chrome only; what the deck paints itself never reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtGui import QColor

from widgets.tokens import Tokens, faint

IMAGES = Path(__file__).parent / "images"


def stylesheet(t: Tokens, px: Callable[[float], int], families: Sequence[str]) -> str:
    """The sheet for one light; `px` scales desk pixels."""
    parts = (_general(t, px, families), _buttons(t, px), _fields(t, px), _views(t, px), _menus(t, px), _bars(t, px), _docks(t, px))
    return "\n".join(parts)


def _n(colour: QColor) -> str:
    return colour.name()


def _image(name: str, t: Tokens) -> str:
    """A style sheet can only name files for its arrows and ticks, so these few drawings are files, one for each light."""
    light = "light" if t.panel.lightness() > 128 else "dark"
    return (IMAGES / f"{name}-{light}.svg").as_posix()


def _general(t: Tokens, px: Callable[[float], int], families: Sequence[str]) -> str:
    face = ", ".join(f'"{name}"' for name in families)
    return f"""
QWidget {{ font-family: {face}; font-size: {px(14)}px; color: {_n(t.ink2)}; }}
QMainWindow, QDialog, QWidget#ground {{ background: {_n(t.ground)}; }}
QDialog, QMessageBox {{ background: {_n(t.panel)}; }}
QLabel {{ background: transparent; }}
QLabel[role="title"] {{ color: {_n(t.ink)}; font-size: {px(16)}px; font-weight: bold; }}
QLabel[role="value"] {{ color: {_n(t.ink)}; font-size: {px(26)}px; font-weight: bold; }}
QLabel[role="hint"] {{ color: {_n(t.ink3)}; font-size: {px(13)}px; }}
QWidget[role="bar"] {{ background: {_n(t.bar)}; }}
QWidget[role="panel"] {{ background: {_n(t.panel)}; }}
QFrame[role="rule"] {{ background: {_n(t.line)}; border: none; max-height: 1px; }}
QToolTip {{ background: {_n(t.panel)}; color: {_n(t.ink)}; border: 1px solid {_n(t.edge)}; padding: {px(4)}px {px(8)}px; }}
QGroupBox {{ border: 1px solid {_n(t.line)}; margin-top: {px(20)}px; padding: {px(8)}px; }}
QGroupBox::title {{ subcontrol-origin: margin; left: 0; color: {_n(t.ink3)}; }}
"""


def _buttons(t: Tokens, px: Callable[[float], int]) -> str:
    return f"""
QPushButton, QToolButton {{ background: {_n(t.panel)}; color: {_n(t.ink2)}; border: 1px solid {_n(t.edge)}; border-radius: {px(3)}px;
  padding: {px(4)}px {px(12)}px; min-height: {px(20)}px; }}
QToolButton {{ padding: {px(4)}px {px(8)}px; }}
QPushButton:hover, QToolButton:hover {{ background: {_n(t.hover)}; color: {_n(t.ink)}; }}
QPushButton:pressed, QToolButton:pressed {{ background: {_n(t.select)}; }}
QPushButton:checked, QToolButton:checked {{ background: {_n(t.action)}; color: {_n(t.action_ink)}; border-color: {_n(t.action_edge)}; }}
QPushButton:focus, QToolButton:focus {{ border-color: {_n(t.select_edge)}; }}
QPushButton:disabled, QToolButton:disabled {{ color: {_n(faint(t))}; border-color: {_n(t.line)}; }}
QPushButton[kind="main"] {{ background: {_n(t.action)}; color: {_n(t.action_ink)}; border-color: {_n(t.action_edge)}; font-weight: bold; }}
QPushButton[kind="main"]:hover {{ border-color: {_n(t.select_edge)}; }}
QPushButton[kind="main"]:disabled {{ background: {_n(t.panel)}; color: {_n(faint(t))}; border-color: {_n(t.line)}; }}
QPushButton[kind="flat"], QToolButton[kind="flat"] {{ background: transparent; border-color: transparent; }}
QPushButton[kind="flat"]:hover, QToolButton[kind="flat"]:hover {{ background: {_n(t.hover)}; }}
QPushButton[kind="flat"]:focus, QToolButton[kind="flat"]:focus {{ border-color: {_n(t.select_edge)}; }}
QToolButton::menu-indicator {{ image: none; width: 0; }}
QCheckBox, QRadioButton {{ spacing: {px(8)}px; background: transparent; }}
QCheckBox::indicator, QRadioButton::indicator {{ width: {px(14)}px; height: {px(14)}px; border: 1px solid {_n(t.ink3)}; background: {_n(t.panel)}; }}
QRadioButton::indicator {{ border-radius: {px(8)}px; }}
QCheckBox::indicator:checked {{ image: url("{_image("tick", t)}"); }}
QCheckBox::indicator:checked, QRadioButton::indicator:checked {{ background: {_n(t.select_edge)}; border-color: {_n(t.select_edge)}; }}
QCheckBox::indicator:focus, QRadioButton::indicator:focus {{ border-color: {_n(t.select_edge)}; }}
"""


def _fields(t: Tokens, px: Callable[[float], int]) -> str:
    return f"""
QLineEdit, QPlainTextEdit, QTextEdit, QComboBox, QSpinBox, QDoubleSpinBox, QDateTimeEdit {{ background: {_n(t.ground)}; color: {_n(t.ink)};
  border: 1px solid {_n(t.edge)}; border-radius: {px(3)}px; padding: {px(4)}px {px(8)}px; selection-background-color: {_n(t.action_edge)};
  selection-color: {_n(t.panel) if t.panel.lightness() > 128 else _n(t.ink)}; placeholder-text-color: {_n(t.ink3)}; }}
QLineEdit, QComboBox, QSpinBox, QDoubleSpinBox, QDateTimeEdit {{ min-height: {px(20)}px; }}
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QComboBox:focus, QSpinBox:focus, QDoubleSpinBox:focus {{ border-color: {_n(t.select_edge)}; }}
QLineEdit:disabled, QComboBox:disabled {{ color: {_n(t.ink3)}; border-color: {_n(t.line)}; }}
QComboBox {{ combobox-popup: 0; }}
QComboBox::drop-down {{ border: 0 solid {_n(t.ground)}; background: transparent; width: {px(20)}px; }}
QComboBox::down-arrow {{ image: url("{_image("chevron", t)}"); width: {px(12)}px; height: {px(12)}px; }}
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {{ width: 0; border: none; }}
QComboBox QAbstractItemView {{ background: {_n(t.panel)}; border: 1px solid {_n(t.edge)}; selection-background-color: {_n(t.select)};
  selection-color: {_n(t.ink)}; outline: none; }}
QSlider::groove:horizontal {{ height: {px(4)}px; background: {_n(t.track)}; }}
QSlider::handle:horizontal {{ width: {px(12)}px; margin: {-px(4)}px 0; background: {_n(t.ink2)}; border-radius: {px(2)}px; }}
QProgressBar {{ background: {_n(t.track)}; border: none; max-height: {px(4)}px; }}
QProgressBar::chunk {{ background: {_n(t.select_edge)}; }}
"""


def _views(t: Tokens, px: Callable[[float], int]) -> str:
    return f"""
QAbstractScrollArea {{ background: {_n(t.panel)}; border: none; }}
QPlainTextEdit, QTextEdit {{ background: {_n(t.ground)}; border: 1px solid {_n(t.edge)}; }}
QPlainTextEdit:focus, QTextEdit:focus {{ border-color: {_n(t.select_edge)}; }}
QTableView, QListView, QTreeView, EvenList {{ background: {_n(t.panel)}; alternate-background-color: {_n(t.panel)}; border: none; outline: none;
  gridline-color: {_n(t.line)}; color: {_n(t.ink2)}; selection-background-color: {_n(t.select)}; selection-color: {_n(t.ink)}; }}
QTableView::item, QListView::item, QTreeView::item {{ padding: 0 {px(8)}px; border: none; }}
QTableView::item:selected, QListView::item:selected, QTreeView::item:selected {{ background: {_n(t.select)}; color: {_n(t.ink)}; }}
QHeaderView {{ background: {_n(t.panel)}; border: none; }}
QHeaderView::section {{ background: {_n(t.panel)}; color: {_n(t.ink3)}; border: none; border-bottom: 1px solid {_n(t.line)};
  padding: {px(4)}px {px(8)}px; font-weight: normal; }}
QTableCornerButton::section {{ background: {_n(t.panel)}; border: none; }}
QScrollBar:vertical {{ background: transparent; width: {px(8)}px; margin: 0; }}
QScrollBar:horizontal {{ background: transparent; height: {px(8)}px; margin: 0; }}
QScrollBar::handle {{ background: {_n(t.edge)}; border-radius: {px(2)}px; margin: {px(2)}px; min-height: {px(24)}px; min-width: {px(24)}px; }}
QScrollBar::handle:hover {{ background: {_n(t.ink3)}; }}
QScrollBar::add-line, QScrollBar::sub-line {{ width: 0; height: 0; }}
QScrollBar::add-page, QScrollBar::sub-page {{ background: transparent; }}
QAbstractScrollArea::corner {{ background: {_n(t.panel)}; }}
QTabWidget::pane {{ border: none; border-top: 1px solid {_n(t.line)}; }}
QTabBar::tab {{ background: transparent; color: {_n(t.ink3)}; padding: {px(6)}px {px(12)}px; border: none; border-bottom: 2px solid transparent; }}
QTabBar::tab:selected {{ color: {_n(t.ink)}; border-bottom-color: {_n(t.select_edge)}; }}
"""


def _menus(t: Tokens, px: Callable[[float], int]) -> str:
    return f"""
QMenuBar {{ background: {_n(t.bar)}; color: {_n(t.ink2)}; }}
QMenuBar::item {{ background: transparent; padding: {px(4)}px {px(8)}px; }}
QMenuBar::item:selected {{ background: {_n(t.select)}; color: {_n(t.ink)}; }}
QMenu {{ background: {_n(t.panel)}; color: {_n(t.ink2)}; border: 1px solid {_n(t.edge)}; padding: {px(4)}px 0; }}
QMenu::item {{ padding: {px(6)}px {px(24)}px {px(6)}px {px(12)}px; }}
QMenu::item:selected {{ background: {_n(t.select)}; color: {_n(t.ink)}; }}
QMenu::item:disabled {{ color: {_n(t.ink3)}; }}
QMenu::separator {{ height: 1px; background: {_n(t.line)}; margin: {px(4)}px 0; }}
"""


def _bars(t: Tokens, px: Callable[[float], int]) -> str:
    return f"""
QStatusBar, QToolBar {{ background: {_n(t.bar)}; border: none; spacing: {px(8)}px; padding: {px(4)}px {px(12)}px; }}
QToolBar {{ border-bottom: 1px solid {_n(t.line)}; }}
QStatusBar {{ border-top: 1px solid {_n(t.line)}; }}
QStatusBar::item {{ border: none; }}
QSplitter::handle {{ background: {_n(t.ground)}; }}
QSplitter::handle:horizontal {{ width: {px(4)}px; }}
QSplitter::handle:vertical {{ height: {px(4)}px; }}
"""


def _docks(t: Tokens, px: Callable[[float], int]) -> str:
    return f"""
ads--CDockContainerWidget {{ background: {_n(t.ground)}; }}
ads--CDockContainerWidget > QSplitter {{ padding: 0; }}
ads--CDockSplitter::handle {{ background: {_n(t.ground)}; }}
ads--CDockSplitter::handle:horizontal {{ width: {px(4)}px; }}
ads--CDockSplitter::handle:vertical {{ height: {px(4)}px; }}
ads--CDockAreaWidget {{ background: {_n(t.panel)}; border: 1px solid {_n(t.line)}; }}
ads--CDockAreaTitleBar {{ background: {_n(t.panel)}; border: none; border-bottom: 1px solid {_n(t.line)}; padding: 0;
  min-height: {px(31)}px; max-height: {px(31)}px; }}
ads--CDockAreaTabBar, ads--CDockAreaTabBar > QWidget, ads--CDockAreaTabBar > QWidget > QWidget {{ background: {_n(t.panel)}; border: none; }}
ads--CDockWidgetTab {{ background: transparent; border: none; padding: 0 {px(4)}px 0 {px(8)}px; min-height: {px(31)}px; }}
ads--CDockWidgetTab[activeTab="true"] {{ background: transparent; }}
ads--CDockWidgetTab QLabel {{ color: {_n(t.ink3)}; font-size: {px(14)}px; }}
ads--CDockWidgetTab[activeTab="true"] QLabel {{ color: {_n(t.ink)}; font-weight: bold; }}
ads--CDockWidgetTab:hover QLabel {{ color: {_n(t.ink)}; }}
ads--CDockWidgetTab[focused="true"] {{ border-bottom: {px(2)}px solid {_n(t.select_edge)}; }}
ads--CTitleBarButton, ads--CDockWidgetTab QPushButton, #tabCloseButton {{ background: transparent; border: none; padding: {px(2)}px;
  min-height: {px(16)}px; }}
ads--CTitleBarButton:hover, #tabCloseButton:hover {{ background: {_n(t.hover)}; }}
ads--CDockWidget {{ background: {_n(t.panel)}; border: none; }}
QScrollArea#dockWidgetScrollArea, QScrollArea#dockWidgetScrollArea > QWidget > QWidget {{ padding: 0; border: none; background: {_n(t.panel)}; }}
ads--CAutoHideSideBar {{ background: {_n(t.bar)}; border: none; }}
ads--CAutoHideTab {{ color: {_n(t.ink3)}; background: transparent; border: none; padding: {px(4)}px {px(8)}px; }}
ads--CAutoHideTab:hover, ads--CAutoHideTab[activeTab="true"] {{ color: {_n(t.ink)}; }}
ads--CAutoHideDockContainer {{ background: {_n(t.panel)}; border: 1px solid {_n(t.edge)}; }}
ads--CFloatingDockContainer {{ background: {_n(t.ground)}; }}
"""
