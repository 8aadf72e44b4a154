"""What the libraries say, as far as a person at our own programs needs to hear it."""

from __future__ import annotations

import logging


def quiet_libraries() -> None:
    """Switch off diffusers' and transformers' progress bars and notices; their errors still come as exceptions."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for library in (diffusers_logging, transformers_logging):
        library.set_verbosity(logging.CRITICAL)
        library.disable_progress_bar()
