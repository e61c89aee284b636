"""Numbers that are shown: what each estimates, and with what interval. One file a concept.

Accuracy estimates the share of *all* items of the pool on which the model agrees with the merged answer. It is
measured on the audit set, a uniform sample of the pool (DESIGN: audit order), with predictions of fold models that
did not see the item's own answer, and then weighted by the pool's confidence; see `post_stratified`.
"""

from app.core.evaluation.bootstrap import macro_f1_interval as macro_f1_interval
from app.core.evaluation.intervals import wilson as wilson
from app.core.evaluation.metrics import accuracy as accuracy
from app.core.evaluation.metrics import ece as ece
from app.core.evaluation.metrics import log_loss as log_loss
from app.core.evaluation.metrics import macro_f1 as macro_f1
from app.core.evaluation.stratified import post_stratified as post_stratified
