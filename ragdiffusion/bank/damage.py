"""What a damaged bank says: column types that name the damage where a value isn't what the column holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy.types import TypeDecorator, TypeEngine


class DamagedBankError(RuntimeError):
    """A value in a bank's database is not what can be there."""

    def __init__(self, what: str) -> None:
        super().__init__(f"the bank is damaged: {what}; take a copy that is whole")


def guarded(
    kind: TypeEngine,
    fits: Callable[[Any], bool],
    wanted: str,
    *,
    nullable: bool = False,
    stored: Callable[[Any], bool] = lambda value: True,
) -> TypeDecorator:
    """A column's type that refuses on reading what doesn't fit; SQLite itself keeps anything anywhere.

    Args:
        kind: the type, as the database has it.
        fits: whether a value that was read is one of it.
        wanted: what was wanted, for the message.
        nullable: whether nothing may be there.
        stored: whether a value can be one of it as the database has it.
    """

    class Guarded(TypeDecorator):
        impl = kind
        cache_ok = True

        def result_processor(self, dialect: Any, coltype: Any) -> Callable[[Any], Any]:
            read = self.impl_instance.result_processor(dialect, coltype)

            def process(value: Any) -> Any:
                try:
                    result = read(value) if read is not None and value is not None else value
                except (ValueError, TypeError, AttributeError, RecursionError) as error:
                    raise DamagedBankError(f"{wanted} was wanted, {_shown(value)} is there") from error
                if value is None and nullable:
                    return None
                if result is None or not stored(value) or not fits(result):
                    raise DamagedBankError(f"{wanted} was wanted, {_shown(value)} is there")
                return result

            return process

    return Guarded()


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:60]} …"
