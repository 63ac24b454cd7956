"""`python -m covey.apps.detect`: the command without click, for machines that have only the core."""

import argparse
import sys

from covey.apps.detect.options import DETECT, Option, Values
from covey.errors import Code, CoveyError

FAILURE, USAGE, INTERRUPTED = 1, 2, 130


def main(arguments: list[str] | None = None) -> int:
    """Run with these arguments; the exit status."""
    parser = argparse.ArgumentParser(
        "covey-detect", description="Make alerts of a device's own traffic (docs/detect.md)."
    )
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument("source", metavar="SOURCE")
    for option in DETECT:
        _add(parser, option)
    values: Values = vars(parser.parse_args(arguments))
    model, source = str(values.pop("model")), str(values.pop("source"))
    try:
        from covey.apps.detect.request import Request  # noqa: PLC0415 (a core that does not load is an error to show)
        from covey.apps.detect.runner import detect  # noqa: PLC0415

        return detect(Request.of(model, source, values))
    except KeyboardInterrupt:
        return INTERRUPTED
    except CoveyError as error:
        return _show(error)


def _add(parser: argparse.ArgumentParser, option: Option) -> None:
    text = option.help.replace("%", "%%")
    if option.is_flag:
        parser.add_argument(option.flag, dest=option.name, help=text, action="store_true")
    elif option.is_multiple:
        parser.add_argument(
            option.flag, dest=option.name, help=text, metavar=option.metavar, action="append", default=[]
        )
    else:
        parser.add_argument(
            option.flag,
            dest=option.name,
            help=text,
            metavar=option.metavar,
            type=option.kind,
            choices=option.choices or None,
            default=option.default,
        )


def _show(error: CoveyError) -> int:
    from covey.apps.printable import printable  # noqa: PLC0415
    from covey.errors import explain  # noqa: PLC0415

    lines = [f"error[{error.code}]: {error.cause}"]
    lines += [f"  --> {error.where}"] if error.where else []
    lines.append(f"  hint: {error.hint or explain(error.code).remedy}")
    sys.stderr.write("".join(f"{printable(line)}\n" for line in lines))
    return USAGE if error.code in (Code.USAGE, Code.SOURCE_ADDRESS) else FAILURE


if __name__ == "__main__":
    sys.exit(main())
