"""The command `marginalia`: reads the command line, runs one command, and tells a refusal in one sentence."""

import argparse
import sys
from collections.abc import Sequence

from app import log
from app.commands import data, people, running, safekeeping, simulating
from app.errors import BadInput, Refusal


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 refused, 2 not understood."""
    parser = make_parser()
    args = parser.parse_args(argv)
    # To standard error, where it cannot get between the lines of an export. That a job was not sent is no news to
    # somebody who has not started the system yet: the sweep asks the database.
    log.configure("error", "text")
    try:
        args.run(args)
    except Refusal as refusal:
        return fail(told(refusal), 1)
    except KeyboardInterrupt:
        return fail("stopped", 130)
    except BrokenPipeError:
        sys.stderr.close()  # whoever read our output has gone; Python would complain at its exit
        return 1
    except Exception as error:
        sentence, code = explained(error)
        if sentence is None:
            raise
        return fail(sentence, code)
    return 0


def make_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser("marginalia", description="Human-in-the-loop annotation.")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for group in (running, people, data, safekeeping, simulating):
        group.add(commands)
    return parser


def fail(sentence: str, code: int) -> int:
    """Say why on standard error."""
    print(f"marginalia: {sentence}", file=sys.stderr)
    return code


def told(refusal: Refusal) -> str:
    """A refusal with its places, for bad input: the first ten."""
    places = refusal.extra.get("errors", []) if isinstance(refusal, BadInput) else []
    lines = [
        f"  {next((f'{key} {each[key]}' for key in ('line', 'name', 'field') if key in each), '')}: {each['error']}"
        for each in places[:10]
    ]
    more = [f"  and {len(places) - 10} more"] if len(places) > 10 else []
    return "\n".join([refusal.detail, *lines, *more])


def explained(error: Exception) -> tuple[str | None, int]:
    """One sentence, and the exit code, for what an operator can mend; None for what is a fault of ours."""
    from pydantic import ValidationError
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError, OperationalError

    if isinstance(error, ValidationError) and error.title == "Settings":
        places = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return "; ".join(places), 2
    if isinstance(error, OperationalError):
        return f"The database does not answer: {str(error.orig).strip().splitlines()[0]}", 1
    if isinstance(error, (ArgumentError, NoSuchModuleError)):
        return f"The database URL cannot be used: {error}", 2
    if isinstance(error, PermissionError | FileNotFoundError | IsADirectoryError | NotADirectoryError):
        return f"{error.strerror}: {error.filename}", 1
    return None, 1


if __name__ == "__main__":
    sys.exit(main())
