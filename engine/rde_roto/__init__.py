"""rde-roto: rotoscoping by recurrent dynamic embedding (RDE-VOS, CVPR 2022)."""

__version__ = "0.1.0"
