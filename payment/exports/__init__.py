"""What the treasury gets of a closed day: sums and an itemised list, as CSV, DATEV and XLSX, with a manifest; always the same bytes."""
