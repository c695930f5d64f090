"""MIT's online demonstration network (online_demo/mobilenet_v2_tsm.py 1f6a834), whose `forward` itself shifts."""

from paddle_tsm.layouts.key_row import KeyRow
from paddle_tsm.layouts.layout import Layout, Limit
from paddle_tsm.layouts.limits import NO_FLOW, NO_GROUPS, PLAIN_MOBILENET_V2
from paddle_tsm.layouts.mit import flat_mobilenet

# No module is wrapped in this network.
ROWS = tuple(KeyRow(row.canonical, row.key.replace("{net}", "")) for row in flat_mobilenet("", "classifier.{p}"))

MIT_ONLINE = Layout(
    name="mit-online",
    signature=r"features\.(\d+|\d+\.conv)\.\d+\.[a-z_]+$|classifier\.[a-z]",
    tables={"mobilenet_v2": ROWS},
    limits=(
        NO_FLOW,
        Limit("has the causal shift only", lambda n: not n.is_shift or n.shift_order != "causal"),
        Limit("shifts an eighth of the channels", lambda n: n.shift_div != 8),
        NO_GROUPS,
        PLAIN_MOBILENET_V2,
    ),
    usual_architecture="tsm_mobilenet_v2",
    preset="mit",
    shift_order="causal",
    assumed={"shift_order": "causal"},
)
