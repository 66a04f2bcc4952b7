"""The screen of `orderwatch top`: a table of what is open, the exception under the cursor below it, and the whole history on Enter.

While a person reads, rows stay where they are: what changes is changed in place, what is over says so in its row, and a line tells how
much is new until `u` shows it. Whoever has not pressed a key for `FOLLOW_S` sees the gravest first again, as a screen on a wall must.
"""

from __future__ import annotations

from dataclasses import replace
from time import monotonic
from typing import ClassVar, cast

from rich.text import Text
from textual import on, work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.events import Key, Resize
from textual.screen import ModalScreen
from textual.widgets import DataTable, Input, Static

from dataflows.cli.top_board import Look, StoreBoard, StoreGoneError
from dataflows.cli.top_cells import WIDE, cell, columns, counted, fitted
from dataflows.cli.top_filters import Filters
from dataflows.cli.top_text import history, pane
from sinks.cases.queries.rows import ExceptionDetail, ExceptionRow

EVERY_S = 2.0
"""How often it looks."""
FOLLOW_S = 60.0
KEYS = "j k move  Enter history  / text  s severity  t team  n nobody's  b breached  z snoozed  x clear  u update  q quit"
SHORT_KEYS = "Enter history  filter: / s t n b z, x none  u update  q quit"


class HistoryScreen(ModalScreen[None]):
    """The whole history of one exception."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "dismiss", "back")]
    CSS = "HistoryScreen { background: $background; } #history { height: 1fr; } #back { height: 1; text-style: reverse; }"

    def __init__(self, text: Text) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """The text, scrolled by the usual keys."""
        with VerticalScroll(id="history"):
            yield Static(self._text, markup=False)
        yield Static("Esc back   arrows, PgUp, PgDn scroll", id="back", markup=False)


class TopApp(App[None]):
    """What is open, gravest first, live from the store."""

    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; }
    #head, #state, #keys { height: 1; }
    #head { text-style: bold; }
    #state.trouble { text-style: bold reverse; }
    #keys { text-style: dim; }
    #table { height: 1fr; scrollbar-size: 0 1; }
    #pane { height: auto; max-height: 40%; border-top: solid $foreground 40%; }
    #find { display: none; height: 1; border: none; padding: 0; }
    #find.asked { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "quit", "quit", priority=False),
        Binding("j", "move(1)", "down"),
        Binding("k", "move(-1)", "up"),
        Binding("s", "filter('severity')", "severity"),
        Binding("t", "filter('team')", "team"),
        Binding("n", "filter('nobody')", "nobody's"),
        Binding("b", "filter('breached')", "breached"),
        Binding("z", "filter('resting')", "snoozed"),
        Binding("x", "filter('clear')", "clear"),
        Binding("u", "update", "update"),
        Binding("slash", "find", "text"),
        Binding("escape", "leave", "leave"),
    ]

    def __init__(self, board: StoreBoard, filters: Filters, limit: int, *, every: float = EVERY_S, follow: float = FOLLOW_S) -> None:
        super().__init__()
        self._board, self.chosen, self._limit, self._every, self._follow_s = board, filters, limit, every, follow
        self._last: Look | None = None
        self._trouble: str | None = None
        self._touched = monotonic() - follow
        self._width = 80
        self.shown: dict[str, ExceptionRow] = {}
        self._new = self._over = 0
        self._teams: set[str] = set()
        self._pane_of: tuple[str, int] | None = None

    def compose(self) -> ComposeResult:
        """A line of counts, one of how far the store is, the table, the exception under the cursor, the keys."""
        yield Static(id="head", markup=False)
        yield Static("reading the store", id="state", markup=False)
        yield DataTable[Text](id="table", cursor_type="row", zebra_stripes=False, cell_padding=0)
        with VerticalScroll(id="pane", can_focus=False):
            yield Static(id="detail", markup=False)
        yield Input(placeholder="words of the sentence, or an order ID; Enter looks, Esc leaves", id="find", compact=True)
        yield Static(KEYS, id="keys", markup=False)

    def on_mount(self) -> None:
        """Looks at once, then again and again."""
        self._width = self.size.width
        self.table.focus()
        self.set_interval(self._every, self.look)
        self.look()

    @property
    def table(self) -> DataTable[Text]:
        """The table."""
        return cast("DataTable[Text]", self.query_one("#table", DataTable))

    @property
    def wide(self) -> bool:
        """Whether words are written out."""
        return self._width - 1 >= WIDE

    @property
    def reading(self) -> bool:
        """Whether a person is reading: rows stay where they are."""
        return monotonic() - self._touched < self._follow_s

    @work(thread=True, exclusive=True, group="look")
    def look(self) -> None:
        """Reads the store, away from the screen's thread."""
        try:
            found = self._board.look(self.chosen.wanted, self._limit, list(self.shown))
        except StoreGoneError as error:
            self.call_from_thread(self._gone, str(error))
        else:
            self.call_from_thread(self._take, found)

    def _gone(self, why: str) -> None:
        self._trouble = f"{why}; what is shown is of {self._last.at:%H:%M:%S} UTC" if self._last is not None else why
        self._write()

    def _take(self, look: Look, *, whole: bool = False) -> None:
        self._last, self._trouble = look, look.trouble
        self._teams |= {row.team for row in look.rows}
        if whole or not self.reading or not self.shown:
            self._fill(look)
        else:
            self._mend(look)
        self._write()
        self._show_pane()

    def _fill(self, look: Look) -> None:
        """Draws the table anew, gravest first; the cursor stays on its exception, or at its place where that is gone."""
        table, width = self.table, self._width
        under, place, top = self._under_cursor(), table.cursor_row, table.scroll_y
        table.clear(columns=True)
        for column in columns(width - 1):
            table.add_column(column.heading, width=column.width + 1, key=column.key)
        self.shown, self._new, self._over = {}, 0, 0
        for row in look.rows:
            self.shown[row.exception_id] = row
            table.add_row(*self._cells(row, look), key=row.exception_id)
        if look.rows:
            at = table.get_row_index(under) if under in self.shown and self.reading else min(place, len(look.rows) - 1)
            table.move_cursor(row=at if self.reading else 0, animate=False)
            if self.reading:
                table.scroll_to(y=top, animate=False)

    def _mend(self, look: Look) -> None:
        """Changes what has changed, where it stands."""
        now = {row.exception_id: row for row in (*look.rows, *look.kept)}
        shape = columns(self._width - 1)
        for exception_id, before in self.shown.items():
            # What is nowhere any more was erased with its order, or is too old to be kept.
            row = now.get(exception_id) or replace(before, status="erased", order_id="", summary="", assignee=None)
            self.shown[exception_id] = row
            for column, said in zip(shape, self._cells(row, look), strict=True):
                self.table.update_cell(exception_id, column.key, said)
        self._new = sum(row.exception_id not in self.shown for row in look.rows)
        self._over = sum(row.status != "open" for row in self.shown.values())

    def _cells(self, row: ExceptionRow, look: Look) -> list[Text]:
        shape = columns(self._width - 1)
        found: list[Text] = []
        for column in shape:
            said, style = cell(row, column.key, look.at, wide=self.wide)
            found.append(Text(fitted(said, column.width), style="strike" if row.status != "open" else style, no_wrap=True))
        return found

    def _write(self) -> None:
        """The lines above the table."""
        look = self._last
        head = "" if look is None else counted(look.counts, wide=self.wide)
        hidden = 0 if look is None else look.counts.open - len(look.rows)
        more = f"; {hidden:,} not shown" if hidden > 0 else ""
        self.query_one("#head", Static).update(fitted(f"{head}{more}{self.chosen.words()}", max(self._width, 20)))
        state = self.query_one("#state", Static)
        state.set_class(self._trouble is not None, "trouble")
        parts = [self._trouble] if self._trouble else []
        if self._new or self._over:
            parts.append(f"{self._new} new, {self._over} over: u shows them")
        if look is not None and not look.rows:
            parts.append("nothing is open" if not self.chosen.narrowed else "nothing open fits the filter: x clears it")
        if look is not None:
            parts.append(f"as of {look.at:{'%Y-%m-%d %H:%M:%S' if self.wide else '%H:%M:%S'}} UTC")
        self.query_one("#keys", Static).update(KEYS if self.wide else SHORT_KEYS)
        state.update(fitted("; ".join(parts), max(self._width, 20)))

    def _under_cursor(self) -> str:
        place = self.table.cursor_row
        shown = list(self.shown)
        return shown[place] if 0 <= place < len(shown) else ""

    @on(DataTable.RowHighlighted)
    def _show_pane(self) -> None:
        row = self.shown.get(self._under_cursor())
        if row is None:
            self._pane_of = None
            self.query_one("#detail", Static).update("")
        elif self._pane_of != (row.exception_id, row.sequence):
            self._pane_of = (row.exception_id, row.sequence)
            self._read_detail(row.exception_id, opens=False)

    @on(DataTable.RowSelected)
    def _open_history(self, event: DataTable.RowSelected) -> None:
        self._touched = monotonic()
        if event.row_key.value:
            self._read_detail(event.row_key.value, opens=True)

    @work(thread=True, exclusive=True, group="detail")
    def _read_detail(self, exception_id: str, *, opens: bool) -> None:
        try:
            found = self._board.detail(exception_id)
        except StoreGoneError as error:
            self.call_from_thread(self._gone, str(error))
            return
        if found is not None:
            self.call_from_thread(self._show_detail, found, opens)

    def _show_detail(self, detail: ExceptionDetail, opens: bool) -> None:
        if opens:
            self.push_screen(HistoryScreen(history(detail, self._board.clock(), max(self._width - 3, 40))))
        elif detail.row.exception_id == self._under_cursor():
            self.query_one("#detail", Static).update(pane(detail, self._board.clock(), max(self._width - 2, 30)))

    def on_key(self, _event: Key) -> None:
        """Whoever presses a key is reading."""
        self._touched = monotonic()

    def on_resize(self, event: Resize) -> None:
        """Other columns may have room."""
        self._width = event.size.width
        self._pane_of = None
        if self._last is not None:
            self._take(self._last, whole=True)

    def action_move(self, by: int) -> None:
        """The next row, or the one before."""
        self.table.move_cursor(row=self.table.cursor_row + by)

    def action_filter(self, what: str) -> None:
        """The next filter of a kind, or none."""
        self._filter(Filters(tenant=self.chosen.tenant) if what == "clear" else self.chosen.next(what, sorted(self._teams)))

    def action_update(self) -> None:
        """Shows what is new, gravest first, from the top."""
        self._filter(self.chosen)

    def _filter(self, filters: Filters) -> None:
        self.chosen = filters
        self.shown, self._touched = {}, monotonic() - self._follow_s
        self.look()

    def action_find(self) -> None:
        """Asks for words."""
        find = self.query_one("#find", Input)
        find.add_class("asked")
        find.focus()

    @on(Input.Submitted)
    def _found(self, event: Input.Submitted) -> None:
        self.action_leave()
        self._filter(replace(self.chosen, text=event.value.strip() or None))

    def action_leave(self) -> None:
        """Back to the table."""
        self.query_one("#find", Input).remove_class("asked")
        self.table.focus()
