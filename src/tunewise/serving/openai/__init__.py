"""OpenAI's shape: the calls that their clients make, with their fields, limits and errors."""
