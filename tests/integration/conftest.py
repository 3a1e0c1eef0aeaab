"""How hard Hypothesis searches here when it is told to take its time."""

from hypothesis import settings

# pytest tests/integration/test_two_sides.py --hypothesis-profile=long --timeout=0
settings.register_profile("long", max_examples=2_000, stateful_step_count=80, deadline=None)
