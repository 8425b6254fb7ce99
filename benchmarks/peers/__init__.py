"""One module for each framework, with

open_network(folder, name, variant) -> prepare(images) -> call() -> gradient

where `images` are (N, H, W, C) and `call` returns the gradient of the batch's mean score of unit 0 in the framework's own
kind of array. `prepare` brings images into the layout that the framework likes best, outside of the timing; `as_array`
turns what a call returned into (N, H, W, C). Weights need no gradient anywhere.
"""
