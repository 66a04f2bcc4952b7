"""How much of one line of an order is owed, as its order changes."""

from __future__ import annotations


class Balance:
    """How much of one line is owed.

    Shops tell a cancellation or a refund twice: by itself, and by an update to the lower quantity. `credit` is what such events took away
    and no update has stated yet, so that it is not taken away again.
    """

    __slots__ = ("cancelled", "credit", "most", "owed", "stated", "waived")

    def __init__(self) -> None:
        self.stated = self.owed = self.credit = self.most = self.waived = self.cancelled = 0

    def order(self, stated: int) -> None:
        """Takes in the quantity that the order has from now on."""
        more = stated - self.stated
        if more >= 0:
            self.owed += more
        else:
            absorbed = min(-more, self.credit)
            self.credit -= absorbed
            self.owed = max(self.owed + more + absorbed, 0)
        self.stated = stated
        self.most = max(self.most, stated)
        if not stated:
            self.owed = self.credit = 0

    def waive(self, units: int) -> None:
        """Takes in that some units are not wanted."""
        self.owed -= units
        self.credit += units
        self.waived += units
