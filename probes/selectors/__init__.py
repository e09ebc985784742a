"""What others read: nouns, each with a constant number of queries. Nothing here writes."""
