"""An experiment on files of one's own: what shape they have, and the settings that train and score on them."""

from terna.serving.new.command import new

__all__ = ["new"]
