"""Explanations of codes about the local store, its labels, and the spool of a device that takes part in training."""

from covey.errors.catalogue.explanation import Explanation
from covey.errors.codes import Code

STORE: dict[Code, Explanation] = {
    Code.STORE_NOT_FOUND: Explanation(
        "No local store there",
        "The folder holds no store.db. A store is made by the first detection that is given the folder.",
        "Name the folder that detection was given with --store, or look for a typing error.",
    ),
    Code.STORE_NOT_WRITABLE: Explanation(
        "The local store cannot be written",
        "The operating system refused to write the store's files. Detection goes on without it.",
        "Check owner and rights of the folder, and that its disk is not mounted read-only.",
    ),
    Code.STORE_DISK_FULL: Explanation(
        "No room for the local store",
        "The disk is full. Rows are dropped and counted, detection goes on, and what is in the store stays whole.",
        "Free some space. The store goes on by itself; no restart is needed.",
    ),
    Code.STORE_DAMAGED: Explanation(
        "The local store is damaged",
        "SQLite found content that it cannot have written, as failing flash or a foreign hand leaves it. Covey does not"
        " guess what is still right. Detection goes on without the store.",
        "Delete the folder, or move it away to look into it; the next start makes a new one. Its labels are lost.",
    ),
    Code.STORE_FORMAT: Explanation(
        "Not a store that this Covey reads",
        "The folder's store.db was written by another version of Covey, or by another program.",
        "Choose another folder with --store, or delete the file if nobody needs it.",
    ),
    Code.STORE_IN_USE: Explanation(
        "The local store has a writer already",
        "Each store takes rows from one process only: two streams of traffic in one sample would be fair to neither.",
        "Give each detection a folder of its own, or stop the other one.",
    ),
    Code.STORE_BUSY: Explanation(
        "The local store is held by another process",
        "Another process has been reading or writing for longer than this one can wait.",
        "Try again. If it stays so, find who has store.db open and end it.",
    ),
    Code.STORE_OTHER_FEATURES: Explanation(
        "The local store is for other features",
        "A store holds rows of one list of features. This model asks for others, so it could not use these rows.",
        "Give the model a folder of its own with --store.",
    ),
    Code.STORE_TOO_SMALL: Explanation(
        "The local store is too small",
        "Under this bound in bytes not even a few rows of each sort would fit, so no fair sample could be kept.",
        "Allow more bytes (--store-mb), or use a model with fewer features.",
    ),
    Code.LABEL_UNKNOWN_ALERT: Explanation(
        "No such alert",
        "The local store holds no alert of this name. Alerts are forgotten with age, and where there are too many.",
        "List the alerts that are there: `covey label DIR --list`.",
    ),
    Code.LABEL_NAME: Explanation(
        "Not a label",
        "A label is `benign`, `attack`, or the name of one of the model's classes.",
        "Use one of these names.",
    ),
    Code.LABEL_NOTHING: Explanation(
        "Nothing to label",
        "No row and no alert of the local store fits what was asked for, or there is no answer left to take back.",
        "Look at the times and the address again, or list the alerts: `covey label DIR --list`.",
    ),
    Code.SPOOL_NOT_WRITABLE: Explanation(
        "The spool cannot be used",
        "The folder through which tasks come and updates leave cannot be read or written.",
        "Check owner and rights of the folder, and that there is room on its disk. Nothing is lost: what was to be sent"
        " is kept in the store's folder.",
    ),
    Code.FEDERATED_STATE: Explanation(
        "The device's state is damaged",
        "The file that says which rounds this device took part in, and what it owes, is not what Covey wrote. Taking"
        " part with a guess could reuse a counter, and its updates would be refused as replays.",
        "Delete the folder `federated` in the store's folder and give the device a new name with the coordinator, or"
        " restore the folder from a backup. The rows and labels stay.",
    ),
}
