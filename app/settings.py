"""The settings: one class, read from the environment, every field described."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Everything an operator can set, each by an environment variable: `MARGINALIA_` and the name in capitals.

    The two URLs are also read without the prefix: DATABASE_URL, REDIS_URL.
    """

    model_config = SettingsConfigDict(env_prefix="MARGINALIA_", env_file=".env", extra="ignore", frozen=True)

    data_dir: Path = Field(
        Path("marginalia-data"), description="Where arrays, media, models and the embedded database live."
    )
    storage: str = Field(
        "",
        description="Where arrays, media and waiting uploads lie that all hosts share: a folder, or an fsspec URL as "
        "`s3://bucket/folder`. Empty: the data directory.",
    )
    storage_options: SecretStr = Field(
        SecretStr(""),
        description='What fsspec is told beside the URL, as JSON: `{"endpoint_url": "https://…"}`, say.',
    )
    copies_bytes: int = Field(
        20 * 2**30, ge=1, description="Room for local copies of what lies in a storage URL, in bytes, on each host."
    )
    database_url: str = Field(
        "",
        validation_alias=AliasChoices("database_url", "MARGINALIA_DATABASE_URL", "DATABASE_URL"),
        description="SQLAlchemy URL of the database; empty: SQLite in the data directory.",
    )
    database_connections: int = Field(
        15, ge=2, le=1000, description="Most connections that each process opens to PostgreSQL."
    )
    redis_url: str = Field(
        "",
        validation_alias=AliasChoices("redis_url", "MARGINALIA_REDIS_URL", "REDIS_URL"),
        description="URL of Redis or Valkey; empty: the embedded Valkey on a socket in the data directory.",
    )
    redis_prefix: str = Field(
        "marginalia", description="Put before every Redis key, so that two systems can share one Redis."
    )
    host: str = Field("127.0.0.1", description="Address the web server listens on.")
    port: int = Field(8000, ge=0, le=65535, description="Port the web server listens on.")
    trusted_hosts: str = Field(
        "",
        description="Names, by commas, that requests may call the server by; `.example.org` means all below it, `*` "
        "any. Empty: any, but on a loopback address only the machine's own.",
    )
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks, by commas, of proxies whose X-Forwarded-For and X-Forwarded-Proto are "
        "believed.",
    )
    workers: int = Field(
        1,
        ge=0,
        le=64,
        description="Celery workers for rounds that `marginalia up` starts; 0 starts none, nor one for encoding.",
    )
    web_processes: int = Field(1, ge=1, le=64, description="Web server processes that `marginalia up` starts.")
    secure_cookies: bool = Field(False, description="Send cookies over HTTPS only; set it behind a TLS proxy.")
    session_days: int = Field(30, ge=1, description="Days after which a sign-in ends.")
    lease_seconds: int = Field(
        180, ge=1, description="Seconds an item stays promised to a person without a sign of life."
    )
    heartbeat_seconds: float = Field(
        20.0,
        gt=0,
        description="Seconds a round or an encoding may stay silent before another worker takes it.",
    )
    upload_limit_bytes: int = Field(4 * 2**30, ge=1, description="Largest upload, in bytes, as sent.")
    upload_limit_columns: int = Field(10_000, ge=1, description="Most columns, or fields of a row, of an upload.")
    upload_limit_rows: int = Field(20_000_000, ge=1, description="Most rows of an upload.")
    quota_items: int = Field(0, ge=0, description="Most items that a project may hold; 0: any number.")
    quota_bytes: int = Field(
        0, ge=0, description="Most bytes that a project's items may take, images as sent, others as kept; 0: any."
    )
    unpacked_limit_bytes: int = Field(
        16 * 2**30, ge=1, description="Largest sum of an archive's files, in bytes, unpacked."
    )
    image_limit_pixels: int = Field(
        50_000_000, ge=1, description="Largest image, in pixels; more is refused before decoding."
    )
    least_free_bytes: int = Field(
        256 * 2**20, ge=0, description="Room below which `/readyz` says that the data directory is full."
    )
    shard_rows: int = Field(
        500_000,
        ge=1,
        description="Rows of features in a shard that one of several workers scores; a round over fewer than four "
        "shards stays in one job.",
    )
    device: str = Field(
        "auto",
        max_length=50,
        description="Where workers run networks: `auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:1`, `mps`.",
    )
    torch_threads: int = Field(
        1, ge=1, description="Threads torch uses in a worker; more than one is slower on a busy machine."
    )
    stop_seconds: int = Field(
        20, ge=1, le=3600, description="Seconds a process may take to finish what it holds when it is asked to stop."
    )
    alive_file: str = Field(
        "", description="File that a worker touches every five seconds, for a container's health check; empty: none."
    )
    metrics_token: SecretStr = Field(
        SecretStr(""), description="Token that `/metrics` asks for; empty: it answers to `metrics_from` instead."
    )
    metrics_from: str = Field(
        "127.0.0.0/8,::1", description="Addresses or networks, by commas, that may read `/metrics` without a token."
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto", description="Form of the log: JSON lines, text, or text on a terminal only."
    )
    log_requests: Literal["slow", "changes", "all"] = Field(
        "slow", description="Requests that are logged: over a second or failed; also every change; or all."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe event that is logged."
    )

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force; a plain postgresql:// is read as psycopg 3."""
        if not self.database_url:
            return f"sqlite:///{self.data_dir.absolute() / 'marginalia.sqlite3'}"
        for plain in ("postgresql://", "postgres://"):
            if self.database_url.startswith(plain):
                return "postgresql+psycopg://" + self.database_url.removeprefix(plain)
        return self.database_url

    @property
    def socket(self) -> Path:
        """The embedded broker's socket, in the data directory.

        A Unix socket's path holds 107 bytes at most, so a deep data directory gets a short one elsewhere.
        """
        path = self.data_dir.absolute() / "valkey.sock"
        if len(bytes(path)) <= 100:
            return path
        from hashlib import sha256
        from tempfile import gettempdir

        return Path(gettempdir()) / f"marginalia-{sha256(bytes(path)).hexdigest()[:8]}.sock"

    @property
    def broker(self) -> str:
        """The URL Celery connects to."""
        return self.redis_url or f"redis+socket://{self.socket}"


@lru_cache(maxsize=1)
def current() -> Settings:
    """The settings of this process, read once."""
    return Settings()  # type: ignore[call-arg]  # every field has a default; the plug-in for mypy is not used
