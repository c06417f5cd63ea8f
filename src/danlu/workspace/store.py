"""Opens a workspace: its folders, and its database brought up to today's schema."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from sqlalchemy import Engine, create_engine, event, inspect, text

from danlu.errors import ArtifactError, InputError
from danlu.workspace.rows import Rows

SCHEMA_VERSION = "0001"
_FOLDERS = ("datasets", "models", "runs", "exports", "reports")


class Workspace:
    """A folder of everything one project makes. `database_url` may name any SQLAlchemy database, for a team."""

    def __init__(self, folder: Path, database_url: str = "") -> None:
        self.folder = folder.absolute()
        self.database_url = database_url or f"sqlite:///{self.folder / 'danlu.db'}"
        try:
            for name in _FOLDERS:
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        except (FileExistsError, FileNotFoundError, NotADirectoryError, PermissionError) as error:
            raise InputError("workspace_unusable", where=str(self.folder), problem=error.strerror) from None

    @property
    def datasets(self) -> Path:
        """Frozen datasets, NAME@VERSION."""
        return self.folder / "datasets"

    @property
    def models(self) -> Path:
        """Base models made or fetched here."""
        return self.folder / "models"

    @property
    def runs(self) -> Path:
        """Runs, NAME-N."""
        return self.folder / "runs"

    @property
    def exports(self) -> Path:
        """Exported models, by run."""
        return self.folder / "exports"

    @property
    def reports(self) -> Path:
        """Evaluations and their reports, by run."""
        return self.folder / "reports"

    @cached_property
    def rows(self) -> Rows:
        """What the database holds. Opened, and migrated, at the first use."""
        engine = create_engine(self.database_url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _set_pragmas)
        with self.lock("migration"):
            _migrate(engine)
        return Rows(engine)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Waits for and holds a lock of the workspace; the kernel gives it back if the process dies."""
        with (self.folder / f".{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _set_pragmas(connection, _record) -> None:  # noqa: ANN001 - the driver's own connection type
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON", "busy_timeout=30000"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _migrate(engine: Engine) -> None:
    with engine.begin() as connection:
        found = ""
        if inspect(connection).has_table("alembic_version"):
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""
        if found == SCHEMA_VERSION:
            return
        if found > SCHEMA_VERSION:
            raise ArtifactError("database_newer", where=str(engine.url), found=found, known=SCHEMA_VERSION)
        from alembic import command
        from alembic.config import Config

        if engine.dialect.name == "sqlite":
            # The driver begins no transaction before DDL by itself: a kill would leave half a schema that no one mends.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config = Config()
        config.set_main_option("script_location", "danlu.workspace:migrations")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
