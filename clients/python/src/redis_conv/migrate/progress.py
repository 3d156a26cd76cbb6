"""What a run prints: a bar on a terminal, lines elsewhere, and the keys that were not moved."""

from __future__ import annotations

import time
from collections import Counter
from typing import TextIO

from .mover import Outcome
from .names import shown

#: A terminal is written to at most this often, a file or pipe at most that often.
TERMINAL_SECONDS = 0.1
LINE_SECONDS = 10.0
WIDTH = 30


class Progress:
    """Counts outcomes and shows how far the scan is, out of about `keys` keys."""

    def __init__(self, keys: int, out: TextIO, quiet: bool = False) -> None:
        self.keys = keys
        self.out = out
        self.quiet = quiet
        self.terminal = out.isatty()
        self.passed = 0
        self.counts: Counter[str] = Counter()
        self.messages = 0
        self.start = self.shown = time.monotonic()
        self.drawn = False

    def scanned(self, count: int) -> None:
        """The scan has passed about that many more keys."""
        self.passed = min(self.passed + count, self.keys)
        self._show()

    def add(self, outcome: Outcome) -> None:
        """Counts an outcome, and prints it if the key was not moved."""
        self.counts[outcome.status] += 1
        self.messages += outcome.messages
        if outcome.status in ("rejected", "busy"):
            self.line(f"{outcome.status} {shown(outcome.key)}: {outcome.reason}")
        self._show()

    def line(self, text: str) -> None:
        """Prints a line; a bar below it is drawn again."""
        self.clear()
        print(text, file=self.out, flush=True)

    def clear(self) -> None:
        """Removes the bar."""
        if self.drawn:
            self.out.write("\r\x1b[K")
            self.out.flush()
            self.drawn = False

    def summary(self) -> str:
        """What was done, in one line."""
        seconds = time.monotonic() - self.start
        statuses = ("moved", "checked", "skipped", "busy", "rejected")
        parts = [f"{self.counts[status]:,} {status}" for status in statuses if self.counts[status]]
        return f"{', '.join(parts) or 'nothing to move'}; {self.messages:,} messages, {seconds:.1f} s"

    def _show(self) -> None:
        now = time.monotonic()
        if self.quiet or now - self.shown < (TERMINAL_SECONDS if self.terminal else LINE_SECONDS):
            return
        self.shown = now
        share = self.passed / self.keys if self.keys else 1.0
        if self.terminal:
            bar = ("#" * round(share * WIDTH)).ljust(WIDTH, ".")
            self.out.write(f"\r\x1b[K[{bar}] {share:4.0%}  {self.summary()}")
            self.out.flush()
            self.drawn = True
        else:
            print(f"{share:4.0%}  {self.summary()}", file=self.out, flush=True)
