"""From a sheet's cells to elements and tables: regions, what their rows are, and how each kind is told."""
