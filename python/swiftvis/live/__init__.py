"""Live models: Keras 3 and tf.keras 2 objects wherever a `swiftvis.Model` is expected.

A live model is converted in memory when it is first seen. The conversion is kept as long as the model is alive, without
keeping it alive, and made anew when layers, their options, activations or weights have changed since the last call. Whether
weights have:

- JAX: arrays never change, so each variable's array is compared by identity.
- PyTorch: identity, address and autograd's version counter, which all changes in place raise but those that go round it
  (`parameter.data`, NumPy views); after such a change call `swiftvis.load_model(model)`, which always reads anew.
- TensorFlow: the tensor that was read is kept, which makes TensorFlow copy before it writes, so a variable that still has
  its address is unchanged.

Where that does not tell (JAX's predict() gives every variable a new array), checksums are compared. For MobileNetV2 and its
262 variables this takes 0.6 ms a call with JAX, 1.3 ms with PyTorch and 7 ms with TensorFlow.
"""
