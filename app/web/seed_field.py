"""The field of the seed."""

from __future__ import annotations

import gradio as gr


class SeedField(gr.HTML):
    """A panel whose value is a seed: a whole number here, its digits in the browser, whose numbers end at 2**53.

    What was typed and is no whole number comes as a text, which whoever takes the seed refuses.
    """

    def preprocess(self, payload: str | None) -> int | str | None:
        """The seed that the browser shows."""
        return int(payload) if isinstance(payload, str) and payload.isdecimal() else payload

    def postprocess(self, value: int | str | None) -> str | None:
        """The digits for the browser."""
        return None if value is None else str(value)
