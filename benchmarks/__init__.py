"""How fast and how good the readers, the engine and the store are, beside a raw floor and installed peers.

    python -m benchmarks [pdf | excel | execution | faults | store | all] [--json FILE] [--large] [--rounds N]

    __main__                                   the command
    pdf, excel, execution, faults, store       the families: what is measured, as tables of figures
    candidates, workbook_candidates            ours, the floors and the peers, each behind one function
    fresh, running                             run them in processes of their own; CPU seconds, outputs
    corpora, workbooks, made_up                real files with ground truths; what is made for the purpose
    edits, tables, metrics, facts, answerable  how outputs are compared with ground truths
    references, report                         what others reach and what we go for; on paper and as JSON

Speeds are ratios of CPU seconds within one run, since machines differ. A benchmark is not a test: nothing
here fails because something is slow, only because it could not be measured.
"""
