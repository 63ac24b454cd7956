"""What `covey explain CODE` says: for every code a title, what it means and what to do about it."""

from dataclasses import dataclass

from covey.errors.codes import Code


@dataclass(frozen=True, slots=True)
class Explanation:
    """One code explained: a short title, the text (what happened and why it matters) and the remedy."""

    title: str
    text: str
    remedy: str


CATALOGUE: dict[Code, Explanation] = {
    Code.CORE_NOT_BUILT: Explanation(
        "The compiled core is missing",
        "Covey computes in a C library that is compiled when Covey is installed. The extension module was not found or"
        " was built for another machine.",
        "Run `make demo` or `make test` once in the repository: both compile the core. `covey doctor` says what is"
        " missing.",
    ),
    Code.CORE_ARGUMENT: Explanation(
        "The core refused an argument",
        "A count, a buffer or a parameter given to the C core is out of its range.",
        "Check the Plan's [training] and [model] sections with `covey plan check`; otherwise please report it.",
    ),
    Code.CORE_MODEL: Explanation(
        "The layers do not fit together",
        "The outputs of one layer are not the inputs of the next, or a limit of the core is exceeded (8 layers, width"
        " 1,024, 1,048,576 parameters).",
        "Change the widths in the Plan's [model] section.",
    ),
    Code.CORE_ARENA: Explanation(
        "Scratch memory is too small",
        "The caller owns all memory of the core, and gave less than the matching size function asked for.",
        "This is a defect of Covey or of an extension to it: please report it.",
    ),
    Code.CORE_NONFINITE: Explanation(
        "Numbers are no longer finite",
        "Training produced NaN or infinity: usually steps that are too long.",
        "Lower training.learning_rate, set training.gradient_clip, or scale the features.",
    ),
    Code.CORE_LABEL: Explanation(
        "A class index is out of range",
        "A row's class is not one of the model's outputs.",
        "Check the Plan's [data] task and class map against the data.",
    ),
    Code.CORE_SELF_TEST: Explanation(
        "The core's self-test failed",
        "The core trains and encodes a small fixed case when it is loaded, and the result must be the same bits on"
        " every machine. Here it was not, so nothing it computes can be trusted.",
        "Compile it again without your own compiler flags (`make clean`, then `make test`). If it persists, please"
        " report the output of `covey doctor`.",
    ),
    Code.CORE_KERNEL: Explanation(
        "This kernel cannot run here",
        "The requested vector kernel is unknown or this processor does not have its instructions.",
        "Leave the choice to Covey; `covey doctor` names the kernel in use.",
    ),
    Code.CORE_SPACE: Explanation(
        "An output buffer is too small",
        "The core will not write past the end of the memory it was given.",
        "This is a defect of Covey or of an extension to it: please report it.",
    ),
    Code.DATA_MISSING_COLUMN: Explanation(
        "A column is missing",
        "A device's file lacks a column that is needed, such as `label`, or `attack` where the Plan learns classes.",
        "Add the column, or choose a task in the Plan that does not need it.",
    ),
    Code.DATA_MIXED_COLUMNS: Explanation(
        "Devices have different columns",
        "All devices must measure the same features under the same names, in any order; this file differs from the"
        " others.",
        "Bring the files to one header, or exclude the columns that only some have in data.features.",
    ),
    Code.DATA_NONFINITE: Explanation(
        "A value is not a finite number",
        "A feature is NaN, infinite or empty. One such value spoils every sum it meets, so none is let in.",
        "Remove or repair the row that the message names.",
    ),
    Code.DATA_EMPTY_DEVICE: Explanation(
        "A device has no rows",
        "The file has a header only, or nothing is left of it for training.",
        "Remove the file, or give the device rows.",
    ),
    Code.DATA_ONE_CLASS: Explanation(
        "There is only one class",
        "A classifier has nothing to tell apart when all training rows are of one class.",
        'Use a Plan with task = "anomaly" (it learns from benign rows alone), or add rows of another class.',
    ),
    Code.DATA_WRONG_TYPE: Explanation(
        "A value has the wrong type",
        "Features are numbers and labels are 0 or 1; this value is neither.",
        "Correct the value that the message names, or exclude the column in data.features.",
    ),
    Code.DATA_NOT_FOUND: Explanation(
        "The data folder was not found",
        "Covey reads a folder of `<device>.csv.gz` or `<device>.csv` files, one a device.",
        "Give the folder with --data DIR, or set COVEY_DATA to the folder that holds it.",
    ),
    Code.DATA_NO_DEVICES: Explanation(
        "The folder holds no devices",
        "No `<device>.csv.gz` or `<device>.csv` file with telemetry was found in the data folder.",
        "Check the path; each device is one file in the folder itself, not in a folder below it.",
    ),
    Code.DATA_UNREADABLE: Explanation(
        "A file cannot be read",
        "It is damaged, is not what its name says, or may not be opened.",
        "Check it with `gzip -t FILE`, and its permissions.",
    ),
    Code.DATA_BAD_SPLIT: Explanation(
        "The split column is wrong",
        "`split` holds `train` or `test` and both must occur; without the column Covey splits 70 to 30 by itself.",
        "Correct the column or remove it.",
    ),
    Code.DATA_UNKNOWN_CLASS: Explanation(
        "A class is not known",
        "A class is named that no device has, or the data has one that the Plan does not place or that training lacks.",
        "Correct the names in the Plan's [data] section, or merge the class with another there.",
    ),
    Code.DATA_NO_FEATURES: Explanation(
        "No feature is left",
        "The patterns in data.features exclude every column, or include none.",
        "Correct data.features.include and data.features.exclude in the Plan.",
    ),
    Code.DATA_DEVICE_NAME: Explanation(
        "A device's name cannot be used",
        "A device is named by its file. The name must not be empty or hold control characters, and has 64 characters"
        " at most.",
        "Rename the file.",
    ),
    Code.DATA_BAD_LABEL: Explanation(
        "A label is neither 0 nor 1",
        "`label` is 0 for benign rows and 1 for attacks; the kind of attack belongs in the column `attack`.",
        "Correct the label that the message names.",
    ),
    Code.DATA_TOO_FEW_ROWS: Explanation(
        "A device has too few rows",
        "The Plan asks for more training rows than the device has, or too few are left to judge it.",
        "Ask for fewer rows in the Plan, or leave the device out.",
    ),
    Code.DATA_DUPLICATE_COLUMN: Explanation(
        "A column stands twice in the header",
        "Two columns have the same name, so it is not clear which one is meant.",
        "Rename or remove one of them.",
    ),
    Code.DATA_DUPLICATE_DEVICE: Explanation(
        "A device has two files",
        "Both `<device>.csv` and `<device>.csv.gz` are there.",
        "Keep one of them.",
    ),
    Code.PLAN_NOT_FOUND: Explanation(
        "The Plan was not found",
        "There is no file of this name, or it may not be read.",
        "Check the path. The Plans that come with Covey are in the folder `plans`.",
    ),
    Code.PLAN_SYNTAX: Explanation(
        "The Plan is not TOML",
        "The file breaks the rules of TOML at the line that the message names.",
        'Strings need quotes, lists need [ ], a table starts with [name]. Example: kind = "fedavg".',
    ),
    Code.PLAN_UNKNOWN_KEY: Explanation(
        "The Plan has an unknown key",
        "A key that nobody reads would be a setting without effect, so it is refused.",
        "Correct its spelling or remove it; `covey plan show PLAN` prints every key with its value.",
    ),
    Code.PLAN_WRONG_TYPE: Explanation(
        "A value of the Plan has the wrong type",
        "For example text where a number belongs, or 1.5 where a whole number belongs.",
        "Correct the value; `covey plan show` on one of the Plans in `plans` shows what it looks like.",
    ),
    Code.PLAN_OUT_OF_RANGE: Explanation(
        "A value of the Plan is out of its range",
        "The value has the right type but makes no sense here, such as a negative learning rate.",
        "The message names the range.",
    ),
    Code.PLAN_UNKNOWN_KIND: Explanation(
        "The Plan chooses a kind that does not exist",
        "Strategies (models, trainers, stages, selectors, aggregators, ...) are chosen by `kind`.",
        "Choose one of those that the message lists.",
    ),
    Code.PLAN_MISSING_KEY: Explanation(
        "The Plan lacks a key",
        "This key has no default, because no value would be right for most.",
        "Add it; the Plans in `plans` are examples to copy from.",
    ),
    Code.PLAN_CONFLICT: Explanation(
        "Two parts of the Plan do not go together",
        "Each part is right by itself, but one needs something that another does not give.",
        "The message says what is needed and which changes would do.",
    ),
    Code.PLAN_OVERRIDE: Explanation(
        "An override cannot be read",
        "An override is `--set key=value`, with the key's full path and a TOML value.",
        "Examples: --set training.learning_rate=0.1   --set model.hidden=[16,16]   --set training.kind=fedprox",
    ),
    Code.MODEL_SPEC: Explanation(
        "The model is not well-formed",
        "Its layers, loss and outputs do not fit the task or each other.",
        "Change the Plan's [model] section.",
    ),
    Code.MODEL_TOO_LARGE: Explanation(
        "The model is too large for its devices",
        "The Plan names a class of devices, and the model does not fit the memory of that class.",
        "Use fewer units or knots, or a larger device class.",
    ),
    Code.MODEL_FILE: Explanation(
        "This is not a model of Covey",
        "The file is damaged, incomplete or of another format.",
        "Use a `model.covey` that `covey simulate` wrote.",
    ),
    Code.MODEL_DIGEST: Explanation(
        "The model's digest does not match",
        "The file was changed after it was written, or damaged.",
        "Get the file again from where it was made.",
    ),
    Code.MODEL_SHAPE: Explanation(
        "Parameters do not fit the model",
        "The number of parameters is not the one that the model's layers ask for.",
        "Use parameters and model from the same run.",
    ),
    Code.WIRE_TRUNCATED: Explanation(
        "A message ends early",
        "Fewer bytes arrived than the message announces.",
        "Send it again; if it persists, check the transport's size limit.",
    ),
    Code.WIRE_FORMAT: Explanation(
        "A message is malformed",
        "It is not deterministic CBOR of the expected shape: wrong type, unknown or duplicate key, trailing bytes.",
        "Check the sender against docs/SPEC.md and its test vectors.",
    ),
    Code.WIRE_LIMIT: Explanation(
        "A message exceeds a limit",
        "It is larger or more deeply nested than docs/SPEC.md allows.",
        "Check the sender against docs/SPEC.md.",
    ),
    Code.WIRE_VERSION: Explanation(
        "A message has an unknown version or codec",
        "Sender and receiver do not speak the same version of the protocol.",
        "Update the older of the two.",
    ),
    Code.WIRE_LENGTH: Explanation(
        "An update is made for another model",
        "Its number of parameters is not that of the model of this round.",
        "Check that the sender trained the model that its task named.",
    ),
    Code.WIRE_NONFINITE: Explanation(
        "A message holds numbers that are not finite",
        "NaN and infinity are refused at the door.",
        "Check the sender's data and training.",
    ),
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
    Code.ENVIRONMENT_TOOLCHAIN: Explanation(
        "A tool is missing",
        "Covey's core is compiled from C, which needs a C compiler and Python's headers.",
        "On Debian: apt-get install gcc make python3-dev python3-venv",
    ),
    Code.ENVIRONMENT_PYTHON: Explanation(
        "This Python is too old",
        "Covey needs Python 3.11 or newer.",
        "Install a newer Python, then `make demo PYTHON=python3.12` for example.",
    ),
    Code.ENVIRONMENT_PACKAGE: Explanation(
        "A Python package is missing",
        "This command needs a package that is not installed.",
        "Install Covey by `make demo` or `pip install .`; both bring all it needs.",
    ),
    Code.USAGE: Explanation(
        "The command was not called correctly",
        "An option or argument is unknown, is missing, or does not go together with another.",
        "Add --help to the command for its options and examples.",
    ),
    Code.UNKNOWN_CODE: Explanation(
        "There is no such code",
        "Codes are a letter and three digits, such as D101.",
        "`covey explain` lists all of them.",
    ),
    Code.INTERNAL: Explanation(
        "Something went wrong inside Covey",
        "This is a defect of Covey, not of your Plan or data.",
        "Run the same command again with --debug and report what it prints, with the output of `covey doctor`.",
    ),
}


def explain(code: Code) -> Explanation:
    """The explanation of one code; every code has one."""
    return CATALOGUE[code]
