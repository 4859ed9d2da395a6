"""How fast and how good the readers, the engine and the store are, beside a raw floor and installed peers.

    python -m benchmarks [pdf | excel | execution | store | all] [--json FILE] [--large] [--rounds N]

    __main__      the command
    pdf, excel, execution, store      a family each: what is measured, as tables
    candidates, workbook_candidates   ours, the floors and the peers, each behind one function
    fresh         runs a function in a process of its own and tells its CPU seconds
    corpora       the real files and their ground truths
    edits, tables, metrics, facts, answerable      how outputs are compared with ground truths
    report        tables on paper and as JSON

Speeds are ratios of CPU seconds within one run, since machines differ. A benchmark is not a test: nothing
here fails because something is slow, only because it could not be measured.
"""
