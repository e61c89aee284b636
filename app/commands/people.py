"""Commands about people: accounts and their API tokens."""

import argparse
import sys
from datetime import UTC, datetime
from typing import Any

from app.commands import add_place, existing, migrated
from app.errors import BadInput


def add(commands: Any) -> None:
    """`marginalia user add`, `user password` and `marginalia token create`."""
    user = commands.add_parser("user", help="accounts").add_subparsers(metavar="ACTION", required=True)
    adding = user.add_parser("add", help="make an account; the password is read from standard input")
    adding.add_argument("email", metavar="EMAIL")
    adding.add_argument("--name", default="", help="how pages call this person")
    adding.add_argument("--admin", action="store_true", help="may create projects and sees all of them")
    # The only way: a password among the arguments would be in the shell's history and in every list of processes.
    adding.add_argument("--password-stdin", action="store_true", required=True)
    add_place(adding)
    adding.set_defaults(run=add_user)

    password = user.add_parser("password", help="give an account a new password, and sign all its browsers out")
    password.add_argument("email", metavar="EMAIL")
    password.add_argument("--password-stdin", action="store_true", required=True)
    add_place(password)
    password.set_defaults(run=set_password)

    forgetting = user.add_parser("forget", help="make an account a pseudonym; sign-ins, tokens and roles go")
    forgetting.add_argument("email", metavar="EMAIL")
    forgetting.add_argument("--labels", choices=("keep", "delete"), required=True, help="whether the labels stay")
    add_place(forgetting)
    forgetting.set_defaults(run=forget)

    telling = user.add_parser("data", help="print everything that is kept of a person, as JSON Lines")
    telling.add_argument("email", metavar="EMAIL")
    add_place(telling)
    telling.set_defaults(run=tell)

    token = commands.add_parser("token", help="API tokens").add_subparsers(metavar="ACTION", required=True)
    creating = token.add_parser("create", help="print a new API token and nothing else; it cannot be shown again")
    creating.add_argument("email", metavar="EMAIL")
    creating.add_argument("--name", default="command line", help="what the list of tokens calls it")
    creating.add_argument("--scope", default="all", help="all, read or annotate (default: all)")
    creating.add_argument("--days", type=int, help="days until it ends (default: never)")
    add_place(creating)
    creating.set_defaults(run=create_token)


def add_user(args: argparse.Namespace) -> None:
    """Make an account with the password on standard input."""
    password = _password()
    migrated(args)
    from app.db import transaction
    from app.services import users

    with transaction() as db:
        user = users.add_user(db, args.email, args.name, password, args.admin, datetime.now(UTC))
        sys.stdout.write(f"{user.email} can sign in.\n")


def set_password(args: argparse.Namespace) -> None:
    """Set a new password; whatever was counted against the account is forgotten."""
    password = _password()
    migrated(args)
    from app.db import transaction
    from app.services import tries, users

    made = users.hash_password(password)
    with transaction() as db:
        user = users.by_email(db, args.email)
        users.set_password(db, user.id, made)
        tries.forget_account(db, user.email)
        sys.stdout.write(f"{user.email} has a new password, and is signed out everywhere.\n")


def _password() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise BadInput("There is no password on standard input.")
    return password


def forget(args: argparse.Namespace) -> None:
    """Forget a person, and say under which name their labels stay, or how many went."""
    existing(args)
    from app.services import forgetting

    done = forgetting.forget(_user_id(args.email), args.labels, datetime.now(UTC))
    sys.stdout.write(f"{args.email} is {done['pseudonym']} now; {done['labels_deleted']} labels deleted.\n")


def tell(args: argparse.Namespace) -> None:
    """Print what is kept of a person."""
    existing(args)
    import orjson

    from app.services import forgetting

    for one in forgetting.told_of(_user_id(args.email)):
        sys.stdout.write(orjson.dumps(one, option=orjson.OPT_UTC_Z).decode() + "\n")


def _user_id(email: str) -> int:
    from app.db import reading
    from app.services import users

    with reading() as db:
        return users.by_email(db, email).id


def create_token(args: argparse.Namespace) -> None:
    """Print a new token, and nothing else, so that a script can take it as it is."""
    migrated(args)
    from app.db import transaction
    from app.services import users

    with transaction() as db:
        user = users.by_email(db, args.email)
        key = users.create_token(db, user.id, args.name, args.scope, args.days, datetime.now(UTC))
    sys.stdout.write(key + "\n")
