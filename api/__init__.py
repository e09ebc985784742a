"""The REST API: what is checked and what was found, for programs. Reads through selectors; views are thin."""
