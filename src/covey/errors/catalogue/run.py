"""Explanations of codes about journals, results and simulations."""

from covey.errors.catalogue.explanation import Explanation
from covey.errors.codes import Code

RUN: dict[Code, Explanation] = {
    Code.JOURNAL_CORRUPT: Explanation(
        "The journal is damaged",
        "An entry's checksum does not match, so what follows cannot be trusted. An entry cut short at the very end is"
        " not damage: it is dropped by itself.",
        "Restore the folder from a copy, or start again with a new --out folder.",
    ),
    Code.JOURNAL_NOT_FOUND: Explanation(
        "There is nothing to resume",
        "The folder holds no journal.",
        "Give --resume the folder that an earlier `covey simulate --out DIR` wrote.",
    ),
    Code.JOURNAL_OTHER_PLAN: Explanation(
        "The journal belongs to another Plan",
        "Going on under another Plan would give a result that neither describes.",
        "Resume with the Plan and overrides of the first run, or start anew with another --out folder.",
    ),
    Code.JOURNAL_OTHER_DATA: Explanation(
        "The journal belongs to other data",
        "The telemetry is not that of the first run.",
        "Resume with the data of the first run, or start anew with another --out folder.",
    ),
    Code.JOURNAL_VERSION: Explanation(
        "The journal is of another version",
        "It was written by a version of Covey whose journal this one does not read.",
        "Finish the run with the version that began it, or start anew.",
    ),
    Code.OUTPUT_NOT_WRITABLE: Explanation(
        "The output folder cannot be written",
        "It may not be written to, or its name is that of a file.",
        "Choose another folder with --out DIR.",
    ),
    Code.OUTPUT_EXISTS: Explanation(
        "The output folder holds a run already",
        "Results are never overwritten.",
        "Choose another folder with --out DIR, or go on with --resume DIR.",
    ),
    Code.OUTPUT_DISK_FULL: Explanation(
        "The disk is full",
        "Nothing half-written was left behind.",
        "Free some space and go on with --resume DIR.",
    ),
    Code.OUTPUT_IN_USE: Explanation(
        "Another process writes to the out folder",
        "Two runs in one folder would mix their rounds, so the first one keeps others out until it ends.",
        "Wait until it has ended, or choose another folder with --out DIR.",
    ),
    Code.SIMULATION_NO_DEVICES: Explanation(
        "No device can take part",
        "Nothing is left of the fleet after the Plan's partition and selection.",
        "Check [data], [selection] and [fleet] in the Plan.",
    ),
    Code.SIMULATION_DIVERGED: Explanation(
        "Training diverged",
        "The model's numbers grew out of bounds, so that no update was acceptable.",
        "Lower training.learning_rate or the server's learning rate, or clip the updates in the Plan's pipeline.",
    ),
    Code.SIMULATION_QUORUM: Explanation(
        "Rounds keep failing",
        "Too few updates arrived in time, round after round.",
        "Lower rounds.quorum, raise rounds.deadline_s or selection.over_selection, or reduce the faults.",
    ),
    Code.SIMULATION_MEMORY: Explanation(
        "The fleet does not fit the memory",
        "The simulation holds the rows of all devices once; this fleet needs more than there is.",
        "Simulate fewer devices or rows.",
    ),
}
