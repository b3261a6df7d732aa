"""Cases that decoders in use are tested with, as data: drafts, the target's choices, what comes out."""

# drafts, the target's likeliest token after 0, 1, ... of them, the emitted tokens
GREEDY_ROWS = (
    ([1, 2, 3], [1, 2, 3, 4], [1, 2, 3, 4]),  # all match: the token after them is added
    ([1, 2, 3], [1, 5, 3, 4], [1, 5]),  # mismatch at the second
    ([], [7], [7]),  # nothing drafted
    ([1, 2], [1, 2, 3], [1, 2, 3]),  # requests of length 2 and 1 side by side
    ([5], [5, 6], [5, 6]),
    ([1, 2, 3], [1, 2, 4, 9], [1, 2, 4]),  # mismatches at positions 3 and 2
    ([4, 5, 6], [4, 7, 8, 9], [4, 7]),
)

VOCABULARY = 20
TEMPERATURE = 0.01
LIKELIEST, OTHERS = 10.0, 1.0

# two requests of one batch: tokens of the nodes, links, the target's likeliest token at some nodes (18 at the
# others), and the accepted nodes
TREES = (
    {
        "tokens": [0, 1, 2, 3, 4, 5],
        "first_child": [1, 2, -1, 4, 5, -1],
        "next_sibling": [-1, 3, -1, -1, -1, -1],
        "choices": {0: 3, 3: 4, 4: 5},
        "otherwise": 18,
        "accepted": [0, 3, 4, 5],
        "emitted": [3, 4, 5, 18],
    },
    {
        "tokens": [7, 8, 9, 10, 11, 12],
        "first_child": [4, 2, 3, -1, 5, -1],
        "next_sibling": [-1, -1, -1, -1, 1, -1],
        "choices": {0: 11, 4: 12},
        "otherwise": 18,
        "accepted": [0, 4, 5],
        "emitted": [11, 12, 18],
    },
)
