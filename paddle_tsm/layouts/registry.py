"""Every layout. A new one is a file beside this one and a name in this tuple."""

from paddle_tsm.layouts.canonical import CANONICAL
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.mit import MIT
from paddle_tsm.layouts.mit_online import MIT_ONLINE
from paddle_tsm.layouts.mmaction2 import MMACTION2
from paddle_tsm.layouts.mmpretrain import MMPRETRAIN
from paddle_tsm.layouts.paddle_vision import PADDLE_VISION
from paddle_tsm.layouts.paddlevideo import PADDLEVIDEO
from paddle_tsm.layouts.pptsm import PPTSM
from paddle_tsm.layouts.torchvision import TORCHVISION
from paddle_tsm.networks.option_checks import must_be_one_of

ALL = (CANONICAL, MMACTION2, MIT, MIT_ONLINE, PADDLEVIDEO, PPTSM, TORCHVISION, PADDLE_VISION, MMPRETRAIN)
LAYOUTS = {layout.name: layout for layout in ALL}


def layout_named(name: str) -> Layout:
    """The layout called `name`. Raises ValueError, listing the known ones."""
    must_be_one_of("layout", name, tuple(LAYOUTS))
    return LAYOUTS[name]
