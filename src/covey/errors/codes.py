"""Codes of everything that can go wrong for a user.

A code never changes its meaning and is never used again for something else: people search for it. The first letter is
the group, the number only grows within it. Every member has an entry in `catalogue/`; a test holds the two together.
"""

from enum import StrEnum


class Code(StrEnum):
    """What went wrong.

    Groups: C core, D data, T traffic and other sources, A a device that detects, P plan, M model, W wire, J journal,
    O output, S simulation and environment.
    """

    CORE_NOT_BUILT = "C101"
    CORE_ARGUMENT = "C102"
    CORE_MODEL = "C103"
    CORE_ARENA = "C104"
    CORE_NONFINITE = "C105"
    CORE_LABEL = "C106"
    CORE_SELF_TEST = "C107"
    CORE_KERNEL = "C108"
    CORE_SPACE = "C109"

    DATA_MISSING_COLUMN = "D101"
    DATA_MIXED_COLUMNS = "D102"
    DATA_NONFINITE = "D103"
    DATA_EMPTY_DEVICE = "D104"
    DATA_ONE_CLASS = "D105"
    DATA_WRONG_TYPE = "D106"
    DATA_NOT_FOUND = "D107"
    DATA_NO_DEVICES = "D108"
    DATA_UNREADABLE = "D109"
    DATA_BAD_SPLIT = "D110"
    DATA_UNKNOWN_CLASS = "D111"
    DATA_NO_FEATURES = "D112"
    DATA_DEVICE_NAME = "D113"
    DATA_BAD_LABEL = "D114"
    DATA_TOO_FEW_ROWS = "D115"
    DATA_DUPLICATE_COLUMN = "D116"
    DATA_DUPLICATE_DEVICE = "D117"

    SOURCE_NOT_FOUND = "T101"
    SOURCE_UNREADABLE = "T102"
    SOURCE_EMPTY = "T103"
    SOURCE_UNKNOWN = "T104"
    SOURCE_COMPRESSION = "T105"
    CAPTURE_DAMAGED = "T106"
    CAPTURE_LINK = "T107"
    CAPTURE_LENGTH = "T108"
    SOURCE_ADDRESS = "T109"
    SOURCE_SCHEMA = "T110"
    SOURCE_NO_DEVICE = "T111"
    SOURCE_COLUMN = "T112"
    SOURCE_LINE = "T113"
    SOURCE_VALUE = "T114"
    SOURCE_TIME = "T115"
    TRUTH_TABLE = "T121"

    PLAN_NOT_FOUND = "P101"
    PLAN_SYNTAX = "P102"
    PLAN_UNKNOWN_KEY = "P103"
    PLAN_WRONG_TYPE = "P104"
    PLAN_OUT_OF_RANGE = "P105"
    PLAN_UNKNOWN_KIND = "P106"
    PLAN_MISSING_KEY = "P107"
    PLAN_CONFLICT = "P108"
    PLAN_OVERRIDE = "P109"

    MODEL_SPEC = "M101"
    MODEL_TOO_LARGE = "M102"
    MODEL_FILE = "M103"
    MODEL_DIGEST = "M104"
    MODEL_SHAPE = "M105"

    WIRE_TRUNCATED = "W101"
    WIRE_FORMAT = "W102"
    WIRE_LIMIT = "W103"
    WIRE_VERSION = "W104"
    WIRE_LENGTH = "W105"
    WIRE_NONFINITE = "W106"

    JOURNAL_CORRUPT = "J101"
    JOURNAL_NOT_FOUND = "J102"
    JOURNAL_OTHER_PLAN = "J103"
    JOURNAL_OTHER_DATA = "J104"
    JOURNAL_VERSION = "J105"

    OUTPUT_NOT_WRITABLE = "O101"
    OUTPUT_EXISTS = "O102"
    OUTPUT_DISK_FULL = "O103"
    OUTPUT_IN_USE = "O104"

    SIMULATION_NO_DEVICES = "S101"
    SIMULATION_DIVERGED = "S102"
    SIMULATION_QUORUM = "S103"
    SIMULATION_MEMORY = "S104"
    ENVIRONMENT_TOOLCHAIN = "S201"
    ENVIRONMENT_PYTHON = "S202"
    ENVIRONMENT_PACKAGE = "S203"
    USAGE = "S301"
    UNKNOWN_CODE = "S302"
    INTERNAL = "S901"
