import pytest

from infra.dev.replay.report import percentile


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1), (0.25, 1), (0.26, 2), (0.5, 2), (0.99, 4), (1.0, 4)]
)
def test_percentile_is_the_nearest_rank(share: float, value: int) -> None:
    assert percentile([4, 1, 3, 2], share) == value
