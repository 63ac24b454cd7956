"""Explanations of codes about data folders."""

from covey.errors.catalogue.explanation import Explanation
from covey.errors.codes import Code

DATA: dict[Code, Explanation] = {
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
}
