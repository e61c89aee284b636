"""Commands that run the system or a part of it: up, demo, web, migrate."""

import argparse
import gc
import socket
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.commands import add_place, migrated, settings
from app.errors import Conflict
from app.processes import say
from app.settings import Settings


def add(commands: Any) -> None:
    """`marginalia up`, `demo`, `web` and `migrate`."""
    up = commands.add_parser("up", help="start everything that is not given by a URL, and watch over it")
    _add_running(up)
    up.add_argument("--reload", action="store_true", help="start the web server anew when its code changes")
    up.set_defaults(run=run_up)
    demo = commands.add_parser("demo", help="the same, with two projects of real data and three accounts")
    _add_running(demo)
    demo.set_defaults(run=run_demo)
    web = commands.add_parser("web", help="one web server process, in the foreground")
    add_place(web)
    web.add_argument("--host", help="address to listen on (MARGINALIA_HOST)")
    web.add_argument("--port", type=int, help="port to listen on (MARGINALIA_PORT)")
    web.add_argument("--fd", type=int, help=argparse.SUPPRESS)  # a listening socket that the supervisor hands over
    web.add_argument("--reload", action="store_true", help=argparse.SUPPRESS)
    web.set_defaults(run=run_web)
    migrate = commands.add_parser("migrate", help="bring the database to the newest schema")
    migrate.add_argument(
        "--check", action="store_true", help="change nothing; tell whether tables and migrations agree"
    )
    add_place(migrate)
    migrate.set_defaults(run=run_migrate)


def _add_running(parser: argparse.ArgumentParser) -> None:
    add_place(parser)
    parser.add_argument("--redis-url", metavar="URL", help="Redis or Valkey; without it the embedded one (REDIS_URL)")
    parser.add_argument("--host", help="address to listen on (MARGINALIA_HOST, 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on, 0 for a free one (MARGINALIA_PORT, 8000)")
    parser.add_argument("--workers", type=int, help="workers for rounds (MARGINALIA_WORKERS, 1)")
    parser.add_argument("--web-processes", type=int, help="web processes (MARGINALIA_WEB_PROCESSES, 1)")
    parser.add_argument("--verbose", action="store_true", help="logs to the terminal, not to files")


def run_up(args: argparse.Namespace) -> None:
    """Start the system; return when it has been stopped."""
    found = settings(args)  # first: the modules below read the settings when they are imported
    from app import db, migrate
    from app.supervisor import Supervisor

    def prepare() -> None:
        migrate.upgrade()
        db.use(None)  # the parent keeps no connection: it only watches from here on

    def ready(address: str) -> None:
        say(f"Marginalia runs at {address}", *_first_steps(args), "Ctrl-C stops it.")

    Supervisor(found, prepare, ready, args.verbose, args.reload).run()
    say("Stopped.")


def _first_steps(args: argparse.Namespace) -> list[str]:
    """What somebody needs to know who has no account yet."""
    from sqlalchemy import select

    from app import db
    from app.models import User

    with db.reading() as session:
        is_new = session.scalar(select(User.id).limit(1)) is None
    db.use(None)
    if not is_new:
        return []
    place = "".join(
        f" --{name.replace('_', '-')} {getattr(args, name)}"
        for name in ("data_dir", "database_url")
        if getattr(args, name)
    )
    return [
        "Nobody has an account yet. To make the first, in another terminal:",
        f"  echo PASSWORD | marginalia user add you@example.org --admin --password-stdin{place}",
    ]


def run_demo(args: argparse.Namespace) -> None:
    """Start the system with the demo's projects and accounts."""
    from app import demo

    found = demo.own_settings(settings(args))  # first: the modules below read the settings when they are imported
    from app import db, migrate
    from app.supervisor import Supervisor

    signing_in: list[str] = []

    def prepare() -> None:
        migrate.upgrade()
        signing_in.extend(demo.load(say))
        db.use(None)

    def ready(address: str) -> None:
        say(f"Marginalia runs at {address}", *signing_in, "Ctrl-C stops it.")

    say("Starting the demo …")
    Supervisor(found, prepare, ready, args.verbose).run()
    say("Stopped. The next start finds everything as it was.")


def run_web(args: argparse.Namespace) -> None:
    """Serve HTTP until a signal ends it; on a socket of the supervisor's, or on one of its own."""
    import uvicorn

    from app import log
    from app.listening import listening
    from app.web.server import Server

    found = settings(args)
    log.configure(found.log_level, found.log_format)
    _calm_collector()
    if args.reload:  # uvicorn watches the code only if it may open the socket itself
        watched: dict[str, Any] = {"reload": True, "reload_dirs": _code(), **_proxies(found)}
        uvicorn.run("app.web.main:app", fd=args.fd, log_config=None, **watched)
        return
    config = uvicorn.Config(
        "app.web.main:app",
        log_config=None,
        access_log=False,  # requests are logged by the application, with their ids
        timeout_graceful_shutdown=max(1, found.stop_seconds - 1),  # of uploads; streams of events end by themselves
        server_header=False,
        **_proxies(found),
    )
    # A socket made from the descriptor knows its own family; uvicorn's --fd would take it for a Unix socket.
    own = nullcontext(socket.socket(fileno=args.fd)) if args.fd is not None else listening(found.host, found.port)
    with own as listener:
        Server(config).run(sockets=[listener])


def _calm_collector() -> None:
    """Python's collector of cycles, for a server: seldom, and never through what is there from the start.

    As it comes it looks through all modules now and then, and everybody waits for 50 ms and more.
    """
    from app.web import main  # noqa: F401  # all that stays

    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def run_migrate(args: argparse.Namespace) -> None:
    """Migrate; or, in a database made for this and thrown away, compare the migrations' tables with the models'."""
    if not args.check:
        migrated(args)
        return
    from alembic import command
    from alembic.util.exc import CommandError

    from app import db, migrate

    with TemporaryDirectory() as folder:
        db.use(db.Database(f"sqlite:///{folder}/check.sqlite3"))
        migrate.upgrade()
        made = migrate.config()
        with db.database().writing.connect() as made.attributes["connection"]:
            try:
                command.check(made)
            except CommandError as error:
                raise Conflict(f"The migrations do not make the tables of the models: {error}") from None
            finally:
                db.use(None)


def _proxies(found: Settings) -> dict[str, Any]:
    """Whose word on the caller's address and scheme is taken; uvicorn by itself takes everybody's on this machine."""
    return {"proxy_headers": bool(found.trusted_proxies), "forwarded_allow_ips": found.trusted_proxies}


def _code() -> list[str]:
    root = Path(__file__).parents[2]
    return [str(root / name) for name in ("app", "templates", "static")]
