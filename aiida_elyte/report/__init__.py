"""From a finished, running or failed street to one page: tables, figures, and the way back to the frames."""
