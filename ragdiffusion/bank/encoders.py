"""Which encoder a bank belonged to at a revision: it may be encoded again for another one, and its log goes on."""

from __future__ import annotations

import hashlib

from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session

from ragdiffusion.bank.tables import BankRow, EncoderRow


def start_digest(fingerprint: str, dimension: int, precision: str) -> str:
    """The hash that a bank starts from."""
    return hashlib.sha256(f"{fingerprint}\n{dimension}\n{precision}".encode()).hexdigest()


def encoder_at(session: Session, revision: int) -> EncoderRow:
    """The encoder that a bank belonged to at a revision."""
    if inspect(session.connection()).has_table(EncoderRow.__tablename__):
        earlier = select(EncoderRow).where(EncoderRow.until > revision).order_by(EncoderRow.until).limit(1)
        found = session.scalars(earlier).one_or_none()
        if found is not None:
            return found
    about = session.scalars(select(BankRow)).one()
    return EncoderRow(until=0, fingerprint=about.fingerprint, dimension=about.dimension)


def encoded_since(session: Session) -> int:
    """The revision that encoded the bank for its present encoder; 0 if it was always this one."""
    return session.scalar(select(func.max(EncoderRow.until))) or 0


def hold_to_encoder(session: Session, revision: int) -> None:
    """Refuse to bring embeddings of an earlier encoder back among those of the present one.

    Raises:
        ValueError: if the bank belonged to another encoder at the revision.
    """
    since = encoded_since(session)
    if revision < since:
        raise ValueError(
            f"revision {revision} is from before the bank was encoded for another checkpoint (revision {since}): open "
            "it as it was with the checkpoint of then, and export from it what you want back"
        )
