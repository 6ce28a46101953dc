"""Several runs together: series, repeats, comparisons, failures grouped by cause."""
