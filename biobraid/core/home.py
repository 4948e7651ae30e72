"""A biobank's own folder ("home"): where everything lies, and its settings."""

from __future__ import annotations

import os
import secrets
import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from biobraid import FORMAT_VERSION
from biobraid.core.errors import Fault, SettingsError
from biobraid.core.files import write_text

SETTINGS_FILE = "biobraid.toml"


class Settings(BaseModel):
    """biobraid.toml, read once and never changed by a command."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    home_id: str = Field(pattern=r"^[0-9a-f]{16}$")
    format_version: int = FORMAT_VERSION
    name: str = "biobank"
    memory_limit_gb: float = Field(default=4.0, gt=0.2)
    threads: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    min_cell: int = Field(default=10, ge=1)
    deliveries: str = ""  # folder with one sub-folder per study; empty: <home>.deliveries
    key_dir: str = ""  # empty: the user's state folder
    # Days a recipient has to drop withdrawn persons, and we to rewrite referenced bulk.
    withdrawal_grace_days: int = Field(default=90, ge=0)
    # Reference margins (CSV, below the home or absolute): `run` ends with an audit, and audits
    # and exports that are given none use them. Empty: none.
    audit_margins: str = ""


class Home:
    """Paths inside one home, and its settings."""

    def __init__(self, root: Path, settings: Settings) -> None:
        self.root = root
        self.settings = settings

    @property
    def studies(self) -> Path:
        """Study packs, one folder each."""
        return self.root / "studies"

    @property
    def landing(self) -> Path:
        """Landing Parquet: <table>/study=/source=/batch=/part-N.parquet."""
        return self.root / "landing"

    @property
    def manifest(self) -> Path:
        """SQLite file that says which landing files are in force."""
        return self.root / "landing" / "manifest.sqlite"

    @property
    def vault(self) -> Path:
        """Encrypted identifiers; mode 0700; opened by linkage only."""
        return self.root / "vault"

    @property
    def inbox(self) -> Path:
        """Encrypted identity rows on their way from ingest to the vault."""
        return self.root / "vault" / "inbox"

    @property
    def warehouse(self) -> Path:
        """DuckDB file of the engineers."""
        return self.root / "warehouse.duckdb"

    @property
    def state(self) -> Path:
        """SQLMesh's state."""
        return self.root / "state.duckdb"

    @property
    def cache(self) -> Path:
        """SQLMesh's cache."""
        return self.root / ".cache"

    @property
    def logs(self) -> Path:
        """Redacted logs."""
        return self.root / "logs"

    @property
    def tmp(self) -> Path:
        """Spill files of DuckDB; emptied at start."""
        return self.root / "tmp"

    @property
    def vocabulary_stage(self) -> Path:
        """What a vocabulary load has finished and not yet put in force."""
        return self.root / "vocabulary.loading"

    @property
    def releases(self) -> Path:
        """Releases: <project>/<name>/."""
        return self.root / "releases"

    @property
    def projects(self) -> Path:
        """Projects: <project>/project.yaml and project.duckdb."""
        return self.root / "projects"

    @property
    def exports(self) -> Path:
        """Datasets: <project>/<name>/."""
        return self.root / "exports"

    @property
    def reports(self) -> Path:
        """Receipts and reports."""
        return self.root / "reports"

    @property
    def withdrawals(self) -> Path:
        """Withdrawals that are ordered and not yet carried out everywhere; mode 0700."""
        return self.root / "withdrawals"

    @property
    def register(self) -> Path:
        """Who holds which release and export, and which withdrawn persons are in them."""
        return self.root / "register.json"

    @property
    def kernels(self) -> Path:
        """Saved imputation models; they hold training rows."""
        return self.root / "kernels"

    @property
    def deliveries(self) -> Path:
        """Folder beside the home with one sub-folder of delivered files per study."""
        given = self.settings.deliveries
        if given:
            path = Path(given).expanduser()
            return path if path.is_absolute() else (self.root / path).resolve()
        return self.root.with_name(self.root.name + ".deliveries")

    @property
    def audit_margins(self) -> Path | None:
        """The reference margins that the settings name; None if they name none."""
        given = self.settings.audit_margins
        return self.root / Path(given).expanduser() if given else None

    @property
    def key_dir(self) -> Path:
        """Folder of the role keys, never inside the home."""
        given = os.environ.get("BIOBRAID_KEY_DIR") or self.settings.key_dir
        if given:
            return Path(given).expanduser()
        state = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
        return Path(state) / "biobraid" / self.settings.home_id


def create_home(root: Path, name: str = "", **settings: object) -> Home:
    """Make the folders and biobraid.toml of a new home; refuses a folder that holds files.

    biobraid.toml comes last, so a home that was broken off is made by the same command again.
    """
    root = root.resolve()
    if root.exists() and any(p.is_file() for p in root.rglob("*")):
        raise SettingsError(
            Fault(
                str(root),
                "the folder holds files already",
                "a new or empty folder",
                "Choose another.",
            )
        )
    made = Settings.model_validate(
        {"home_id": secrets.token_hex(8), "name": name or root.name, **settings}
    )
    home = Home(root, made)
    try:
        root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            Fault(
                str(root),
                f"the folder cannot be made: {error.strerror}",
                "a place that may be written",
                "Choose another.",
            )
        ) from None
    for folder in (home.studies, home.landing, home.logs, home.releases, home.projects):
        folder.mkdir(exist_ok=True)
    for folder in (home.exports, home.reports, home.tmp):
        folder.mkdir(exist_ok=True)
    home.vault.mkdir(mode=0o700, exist_ok=True)
    home.inbox.mkdir(mode=0o700, exist_ok=True)
    lines = [
        "# Settings of this biobank. home_id names its keys; the limits hold for each command."
    ]
    for key, value in made.model_dump().items():
        text = f'"{value}"' if isinstance(value, str) else str(value)
        lines.append(f"{key} = {text}")
    write_text(root / SETTINGS_FILE, "\n".join(lines) + "\n")
    return home


def open_home(root: Path | None = None) -> Home:
    """The home at `root`, $BIOBRAID_HOME, or the current folder or one above it."""
    given = root or (Path(os.environ["BIOBRAID_HOME"]) if os.environ.get("BIOBRAID_HOME") else None)
    start = (given or Path.cwd()).resolve()
    looked = [start] if given else [start, *start.parents]
    for folder in looked:
        if (folder / SETTINGS_FILE).is_file():
            return Home(folder, read_settings(folder / SETTINGS_FILE))
    raise SettingsError(
        Fault(
            str(start),
            f"no {SETTINGS_FILE} here" + ("" if given else " or in a folder above"),
            "a biobraid home",
            "Make one with: biobraid init DIR, or name it with --home DIR or BIOBRAID_HOME.",
        )
    )


def read_settings(path: Path) -> Settings:
    """Settings from biobraid.toml; all faults at once."""
    try:
        return Settings.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(Fault(path.name, f"is not TOML: {error}")) from None
    except ValidationError as error:
        raise SettingsError(validation_faults(path.name, error)) from None


def validation_faults(where: str, error: ValidationError) -> list[Fault]:
    """pydantic's complaints as faults, one per place in the file."""
    faults = []
    for item in error.errors():
        place = ".".join(str(part) for part in item["loc"])
        faults.append(Fault(f"{where}, {place}" if place else where, item["msg"]))
    return faults
