"""Class-2 force fields: from the graph of molecules to types, terms and parameters."""
