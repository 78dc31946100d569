"""What may differ from the Go template, a sentence for each, with the values that it differs for."""

from __future__ import annotations

NO_ENTRY = (
    "A key that is not there is an error here and the Secret stays as it is;"
    " there it is an empty text, or printed as `<no value>`."
)
EMPTY_ENTRY = (
    "A key that is not there may be an empty text here;"
    " there it is an error, `<no value>`, `<nil>` or left out."
)
LAZY = (
    "A key that is not there is an error there in any case,"
    " and here only where its value is needed, so a fallback or a branch that is not taken may lack it."
)
OUT_OF_JSON = (
    "A value that may be something else than a text is taken for one:"
    " numbers, bools, lists, maps and null may be written in another way than by Go, or be an error,"
    " and what is not there may be null in lists and maps."
)
TAKEN_FOR_A_LIST = "What `range` goes over is taken for a list; of a map it would give the names here."
TAKEN_FOR_A_MAP = "What `range` goes over is taken for a map; a list is an error here."
BAD_JSON = "A text that is not JSON is an error here, where `fromJson` gives nothing there."
BAD_BASE64 = (
    "A text that is not base64 is an error here, where `b64dec` gives the words of its error there."
    " Spaces in it are passed over here."
    " What it stands for must be a text here; a key with `encoding: base64` takes anything."
)
CASE = "A few letters beyond ASCII, such as ß, change their case in another way than in Go."
LETTERS = "Letters are counted here and bytes there, which differs where there are letters beyond ASCII."
QUOTED = (
    "Control and invisible characters in quotes are escaped as JSON has it (\\u0007),"
    " and as Go has it there (\\a, \\x07)."
)
YAML = "The YAML has the same meaning in another form: every text is in quotes."
ALL_NAMES = (
    "The dot as a whole is every name of the definition here,"
    " so it is the same only where the definition reads nothing else."
)
EMPTY_LIST = (
    "Of an empty list, `first` and `last` are an error here and nothing there;"
    " `rest` and `initial` are an empty list here and nil there."
)
RAW_JSON = "U+2028 and U+2029 are written as they are, where `toRawJson` escapes them."
SPACES_IN_BASE64 = (
    "Spaces in base64 are passed over here, and are an error there;"
    " what it stands for must be a text where it is printed."
)
