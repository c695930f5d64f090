"""mmpretrain's image networks (mmpretrain 1.2.0 backbones/mobileone.py, heads/linear_head.py), of which a TSM network
starts.
"""

from paddle_tsm.layouts import mobileone
from paddle_tsm.layouts.key_row import KeyRow
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.limits import IMAGE_NETWORKS

MMPRETRAIN = Layout(
    name="mmpretrain",
    signature=rf"backbone\.stage(0|\d\.\d+)\.{mobileone.MODULES}|head\.fc\.",
    tables={"mobileone": (*mobileone.BACKBONE, KeyRow("fc.{p}", "head.fc.{p}"))},
    limits=IMAGE_NETWORKS,
    usual_architecture="tsm_mobileone_s0",
    wrapper=("state_dict",),
    assumed={"is_shift": False},
    placeholders=mobileone.placeholders,
)
