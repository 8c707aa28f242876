"""The configuration: strict TOML that explains itself."""

from triage.config.faults import ConfigError, Fault
from triage.config.reading import endpoint_names, load, parse
from triage.config.settings import Config
from triage.config.writing import add_endpoint

__all__ = ["Config", "ConfigError", "Fault", "add_endpoint", "endpoint_names", "load", "parse"]
