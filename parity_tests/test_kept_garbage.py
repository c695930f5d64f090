"""When Paddle Inference frees its tensors: a setting of the whole process, which is put back."""

import paddle
import pytest

from paddle_tsm.export.paddle_inference import FLAG, NEVER, garbage_kept


def flag() -> float:
    return paddle.get_flags([FLAG])[FLAG]


@pytest.fixture
def setting():
    """A function that sets the flag as a user does; it is put back at the end."""
    before = flag()
    yield lambda value: paddle.set_flags({FLAG: value})
    paddle.set_flags({FLAG: before})


def test_the_setting_holds_inside_and_is_put_back(setting):
    setting(0.0)  # Paddle's default
    with garbage_kept(NEVER):
        assert flag() == NEVER
    assert flag() == 0.0
    with pytest.raises(RuntimeError, match="a first run that fails"), garbage_kept(NEVER):
        raise RuntimeError("a first run that fails")
    assert flag() == 0.0


def test_what_the_user_has_set_stays(setting):
    setting(0.5)
    with garbage_kept(NEVER):
        assert flag() == 0.5
    assert flag() == 0.5
