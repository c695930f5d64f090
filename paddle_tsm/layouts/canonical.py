"""The canonical layout: torchvision's names for every family that it has. Source: torchvision models/resnet.py,
mobilenetv2.py. The names of the other families are given where they are declared.
"""

from paddle_tsm.layouts.layout import Layout
from paddle_tsm.networks.families import FAMILIES

NO_PADDLE_STATISTICS = r"(?!(.*\.)?(_mean|_variance)$)"

CANONICAL = Layout(
    name="canonical",
    signature=NO_PADDLE_STATISTICS + f"({'|'.join(family.signature for family in FAMILIES)})",
    tables=None,
    # a canonical .pdparams has the orientation that paddle.save(model.state_dict()) writes
    linear_of_format=True,
)
