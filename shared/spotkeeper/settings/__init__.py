"""Settings: environment variables, parsed strictly from a mapping when a handler is called, never at import.

Every function has a module with its frozen class here and ``from_env(environ)``; ``Variables`` reads one variable of
each shape, and the first that is missing, unknown or not accepted raises ``BadSetting``. Empty means the default,
except for tags.
"""
