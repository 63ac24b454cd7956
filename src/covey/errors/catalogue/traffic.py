"""Explanations of codes about captures, logs, tables of readings and the truth that goes with them."""

from covey.errors.catalogue.explanation import Explanation
from covey.errors.codes import Code

TRAFFIC: dict[Code, Explanation] = {
    Code.SOURCE_NOT_FOUND: Explanation(
        "A capture, log or table was not found",
        "There is no file at the path that was given.",
        "Check the path. `-` stands for what comes in on standard input.",
    ),
    Code.SOURCE_UNREADABLE: Explanation(
        "A capture, log or table cannot be read",
        "The path is a folder, or the file may not be opened or fails while it is read.",
        "Check that it is a file and that you may read it: `ls -l FILE`.",
    ),
    Code.SOURCE_EMPTY: Explanation(
        "There is nothing in it",
        "The file, or what came in on standard input, has no bytes, or only a header.",
        "Check that the recording went well; a capture of an idle interface may hold no packets.",
    ),
    Code.SOURCE_UNKNOWN: Explanation(
        "The format is not known",
        "Covey looks at the content, not at the name: it reads pcap and pcapng captures, Zeek's conn.log (tab-separated"
        " or JSON lines), CSV files of packets, and readings as CSV or JSON lines, each also packed with gzip.",
        "Bring the data into one of these formats: docs/sources.md shows an example of each.",
    ),
    Code.SOURCE_COMPRESSION: Explanation(
        "The gzip packing is damaged",
        "The file begins as gzip does, but cannot be unpacked from the place the message names on.",
        "Check it with `gzip -t FILE` and fetch it again; what comes before the damage was read.",
    ),
    Code.CAPTURE_DAMAGED: Explanation(
        "A capture is damaged",
        "At the offset that the message names stand bytes that no capture holds there. Packets before it were read;"
        " behind it nobody knows where the next one begins.",
        "Record again, or repair the file with a tool for captures, such as `pcapfix`.",
    ),
    Code.CAPTURE_LINK: Explanation(
        "A capture of a kind that is not read",
        "Its version or its link type is not known. Covey reads Ethernet, Linux cooked (SLL and SLL2), BSD loopback"
        " and raw IP.",
        "Record on an Ethernet interface, or with `tcpdump -i any`; Wi-Fi monitor mode is not read.",
    ),
    Code.CAPTURE_LENGTH: Explanation(
        "A packet's length cannot be right",
        "A record of the capture claims to be longer than one mebibyte. That is damage, or no capture at all.",
        "Record again; packets before the offset that the message names were read.",
    ),
    Code.SOURCE_ADDRESS: Explanation(
        "A device's address is none",
        "A device is chosen by its MAC (such as 28:6d:97:00:12:fe) or by its IPv4 or IPv6 address.",
        "Correct the address; names of hosts are not looked up.",
    ),
    Code.SOURCE_SCHEMA: Explanation(
        "The model is for another kind of source",
        "A model has been trained on certain features of a certain kind of source, and can make nothing of others.",
        "Give the kind of source the model wants, or a model for this kind of source. `covey explain T104` lists"
        " what is read.",
    ),
    Code.SOURCE_NO_DEVICE: Explanation(
        "The device never appears",
        "No packet of the capture has the address of the device that was asked for as source or destination.",
        "Check the address against those that the message names, and where the capture was taken: at a gateway's"
        " outer interface a device's own address is not seen.",
    ),
    Code.SOURCE_COLUMN: Explanation(
        "A column is missing or stands twice",
        "The header lacks a column that is needed, or has one twice.",
        "Correct the header; docs/sources.md lists the columns of each format.",
    ),
    Code.SOURCE_LINE: Explanation(
        "A line cannot be read",
        "It has another number of fields than the header, is not UTF-8 or not JSON, or is longer than allowed.",
        "Correct the line that the message names. Lines before it were read.",
    ),
    Code.SOURCE_VALUE: Explanation(
        "A value is not what its column holds",
        "A number, an address or a name of a protocol is expected, and something else stands there.",
        "Correct the value that the message names. Missing readings are an empty field, NA, NaN, null or ?.",
    ),
    Code.SOURCE_TIME: Explanation(
        "A time cannot be read",
        "Times are seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by their size, or"
        " ISO 8601 such as 2024-05-01T12:00:00Z.",
        "Correct the time that the message names, or leave out the column of times and use windows of so many rows.",
    ),
    Code.TRUTH_TABLE: Explanation(
        "The truth cannot be read",
        "What is an attack is told by a table (its columns are in docs/sources.md) or by a conn.log with the columns"
        " label and detailed-label. This file is neither, or a row of it makes no sense.",
        "Correct the row that the message names.",
    ),
}
