"""A chat service with PostgreSQL as its store of record and Redis in front, with and without conv."""
