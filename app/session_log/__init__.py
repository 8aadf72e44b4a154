"""The session log: every run with all that is needed to show it, repeat it and restore it."""

from app.session_log.library import Collection, OwnPreset
from app.session_log.log import SessionLog
from app.session_log.migrate import SCHEMA_VERSION
from app.session_log.search import Card, Filter, Found, Timed
from app.session_log.values import FINAL, Run, RunGroup, RunInputs

__all__ = [
    "FINAL",
    "SCHEMA_VERSION",
    "Card",
    "Collection",
    "Filter",
    "Found",
    "RunGroup",
    "OwnPreset",
    "Run",
    "RunInputs",
    "SessionLog",
    "Timed",
]
