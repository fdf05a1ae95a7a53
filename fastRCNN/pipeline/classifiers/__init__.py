"""The classifiers: one module each, and one row in this table. Nothing else compares them by name."""

from fastRCNN.pipeline.classifiers.faster import FasterClassifier
from fastRCNN.pipeline.classifiers.nn import NnClassifier
from fastRCNN.pipeline.classifiers.protocol import Classifier
from fastRCNN.pipeline.classifiers.svm import SvmClassifier

CLASSIFIERS: dict[str, Classifier] = {each.name: each for each in (SvmClassifier(), NnClassifier(), FasterClassifier())}
