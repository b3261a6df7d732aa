"""Records as text: the live table, JSON, JUnit XML and Markdown."""
