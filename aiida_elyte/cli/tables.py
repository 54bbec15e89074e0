"""Tables as lines of text."""

__all__ = ["count_more", "table"]


def table(rows: list[list[str]]) -> list[str]:
    """Return rows with their columns aligned."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def count_more(count: int) -> str:
    """Return how many quantities are not shown."""
    return f"{count} more {'quantity' if count == 1 else 'quantities'}"
