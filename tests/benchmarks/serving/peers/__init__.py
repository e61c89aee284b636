"""The servers that the load driver can drive, by name."""

from tests.benchmarks.serving.marginalia import Marginalia
from tests.benchmarks.serving.peers.doccano import Doccano
from tests.benchmarks.serving.peers.label_studio import LabelStudio
from tests.benchmarks.serving.target import Target

TARGETS: dict[str, type[Target]] = {"marginalia": Marginalia, "label-studio": LabelStudio, "doccano": Doccano}
