"""Write a sample as comma-separated values."""

import csv
from io import StringIO

from footnote.samples.blocks import Sample, Table


def render_csv(sample: Sample) -> bytes:
    """The sample's only table.

    Raises:
        ValueError: The sample is something else than one table.
    """
    match sample.blocks:
        case (Table() as table,):
            written = StringIO()
            writer = csv.writer(written, lineterminator="\n")
            writer.writerow(table.header)
            writer.writerows(table.rows)
            return written.getvalue().encode()
        case _:
            raise ValueError(f"{sample.entry.file!r} must be exactly one table")
