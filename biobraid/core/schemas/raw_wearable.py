"""`raw.wearable_sample`, and what `vocab` says about the streams it holds.

Layout: a row must cost a byte or two, for there are billions. Rows are sorted by person, variable,
device and time; `row_id` and `record_id` count up within a person's day (see
ingest/connectors/wearable_rows.py), so that they, like the times, are stored as differences.
Unlike in the other raw tables a time is a TIMESTAMP and a value is a number.
"""

from biobraid.core.schemas.raw import ORIGIN
from biobraid.core.schemas.table import Table, columns_of

RAW_WEARABLE_SAMPLE = Table(
    "raw",
    "wearable_sample",
    "person x device x variable x instant, as delivered",
    ("source_person_key", "variable", "device_id", "start_time"),
    columns_of(
        ORIGIN
        + """
variable VARCHAR variable as the format names it (HKQuantityTypeIdentifierHeartRate, minute.steps, ...)
code VARCHAR category as delivered (a sleep stage); null for numbers
value DOUBLE number as delivered, in `unit`; null for categories
unit VARCHAR unit as delivered; null if the format fixes it or there is none
device_id VARCHAR keyed token (16 hex digits) of the device or app; null if none is named
device_type VARCHAR model of the device, from a fixed list of forms (Watch6,2, iPhone, AX3, ...); null if not known
start_time TIMESTAMP local time the sample begins; never null
start_offset_minutes SMALLINT minutes east of UTC; null where neither the file nor the source's zone tells it
offset_source VARCHAR delivered (with the time), record (a zone named beside it), declared (the source's zone) or null
duration_seconds DOUBLE length of the interval; 0 for an instant
time_flag VARCHAR ambiguous-local-time, nonexistent-local-time, clock-jump (time ran backwards in the file), after-export (later than the export itself); null otherwise
"""
    ),
)

VOCAB_WEARABLE_STREAM = Table(
    "vocab",
    "wearable_stream",
    "stream of wearables: one quantity, in one unit, whoever made the device",
    ("stream",),
    columns_of(
        """
stream VARCHAR name of the stream (heart_rate, steps, sleep_rem, ...)
label VARCHAR what it is, in words
unit VARCHAR unit of its values, UCUM
rule VARCHAR how samples of a minute or day become one value: mean, sum or duration (minutes spent in a state)
tells_wear VARCHAR any (a sample says that the device is worn), nonzero (a sample above 0 does) or no
loinc_code VARCHAR LOINC code of the day's value; null if there is none
id_key BIGINT constant that makes fact ids of the stream, as id_key of vocab.mapping
"""
    ),
)

VOCAB_WEARABLE_VARIABLE = Table(
    "vocab",
    "wearable_variable",
    "variable of a wearable format, with one unit and category, and the stream it belongs to",
    ("variable", "code", "unit"),
    columns_of(
        """
variable VARCHAR variable as in raw.wearable_sample
code VARCHAR category as delivered; empty for numbers; * for any
unit VARCHAR unit as delivered; empty if the format gives none
stream VARCHAR stream, see vocab.wearable_stream
scale_factor DOUBLE value times this is in the stream's unit
is_daily BOOLEAN true where the value is that of a whole day, as the vendor made it
"""
    ),
)
