"""Numbers printed in arXiv 2502.17421: facts to compare with, none of them measured here.

One A100 of 80 GB, float16, one sequence at a time unless said. Rows are models, columns data sets.
"""

from __future__ import annotations

import numpy as np

DATA_SETS = ("GovReport", "QMSum", "Multi-News", "LCC", "RepoBench-P")
MODELS = ("Vicuna-7B", "Vicuna-13B", "LongChat-7B", "LongChat-13B", "Llama-3.1-8B")

# Table 1, temperature 0: tokens per second of plain decoding with two implementations of attention
VANILLA_HF = np.array(
    [
        [25.25, 18.12, 27.29, 25.25, 19.18],
        [17.25, 11.86, 18.81, 17.25, 13.44],
        [25.27, 14.11, 27.66, 25.27, 17.02],
        [17.72, 12.08, 18.74, 17.72, 13.85],
        [21.59, 18.67, 29.91, 29.48, 22.77],
    ]
)
VANILLA_FLASH = np.array(
    [
        [45.76, 43.68, 55.99, 54.07, 46.61],
        [28.52, 27.43, 35.01, 33.87, 29.14],
        [42.14, 36.87, 50.19, 54.17, 42.69],
        [28.56, 27.18, 35.37, 34.58, 29.74],
        [53.14, 51.22, 56.94, 56.73, 54.08],
    ]
)
# Table 1: mean tokens per round, the token after the accepted drafts included, and tokens per second
TOKENS_PER_ROUND = np.array(
    [
        [3.57, 3.14, 3.51, 3.73, 3.86],
        [3.31, 2.76, 3.44, 3.57, 3.59],
        [3.59, 3.06, 3.41, 4.21, 4.03],
        [3.58, 3.15, 3.50, 4.01, 4.46],
        [3.25, 2.99, 3.36, 3.28, 3.39],
    ]
)
TOKENS_PER_SECOND = np.array(
    [
        [102.23, 88.87, 100.55, 107.30, 110.76],
        [71.08, 57.15, 78.20, 81.00, 77.22],
        [101.43, 85.23, 97.93, 122.30, 115.27],
        [76.26, 64.41, 80.48, 90.92, 96.96],
        [84.57, 75.68, 91.11, 89.33, 91.28],
    ]
)
SPEEDUP = np.array(
    [
        [2.23, 2.04, 1.80, 1.99, 2.38],
        [2.49, 2.08, 2.23, 2.39, 2.65],
        [2.41, 2.31, 1.95, 2.26, 2.70],
        [2.67, 2.37, 2.28, 2.63, 3.26],
        [1.59, 1.48, 1.60, 1.57, 1.69],
    ]
)

# Table 3, QwQ-32B with outputs of up to 32k tokens
REASONING_SETS = ("AIME24", "AMC", "Minerva", "MATH500")
REASONING_VANILLA = np.array([18.92, 19.41, 19.46, 19.59])
REASONING_SPEED = np.array([42.63, 45.16, 44.51, 48.36])
REASONING_TOKENS_PER_ROUND = np.array([3.82, 3.81, 3.65, 3.95])

# Table 5, LongChat-7B on GovReport by length of the prompt: tokens per second and per round, milliseconds
PREFILL = ("0-5k", "5k-10k", "10k-15k", "15k-20k", "20k-25k", "25k-32k")
SPEED_BY_PREFILL = np.array([116.65, 115.52, 114.54, 113.47, 115.13, 103.68])
TOKENS_BY_PREFILL = np.array([4.01, 3.97, 3.97, 4.12, 4.45, 3.97])
DRAFT_MS = np.array([8.91, 8.92, 8.93, 8.98, 9.13, 9.25])
TARGET_MS = np.array([25.63, 25.66, 25.61, 27.30, 29.08, 30.89])
VERIFY_MS = np.array([6.18, 6.22, 6.23, 6.24, 6.27, 6.28])
