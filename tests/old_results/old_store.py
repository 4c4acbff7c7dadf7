"""An MLflow store names its own folder in its database: take that name out before it is kept, put one in to use it."""

import sqlite3
from pathlib import Path

NOWHERE = "/adhd-cvae-0.1"
"""Stands for the folder that holds `derivatives` in the databases that are kept here."""


def move_store(database: Path, before: str, after: str) -> None:
    """Replace the beginning of every path that the database holds; nothing of the old one stays in its pages.

    Parameters
    ----------
    database
        The sqlite file of an MLflow store that nobody has open.
    before, after
        Folder that the paths begin with, and the one to write instead.
    """
    connection = sqlite3.connect(database)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            for name in (
                column[1] for column in columns if column[2].upper().startswith(("VARCHAR", "TEXT"))
            ):
                connection.execute(
                    f'UPDATE "{table}" SET "{name}" = replace("{name}", ?, ?) WHERE instr("{name}", ?)',  # noqa: S608
                    (f"{before}/", f"{after}/", f"{before}/"),
                )
        connection.commit()
        connection.execute("VACUUM")
    finally:
        connection.close()
