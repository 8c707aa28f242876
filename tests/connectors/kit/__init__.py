"""The kit every connector is tested with: a server, samples, a line that breaks, and the contract."""

import pytest

pytest.register_assert_rewrite("tests.connectors.kit.contract", "tests.connectors.kit.deliver")
