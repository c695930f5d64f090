"""Layers in float32 on a CPU, computed by oneDNN, the library of kernels that Paddle's wheel ships.

Paddle's own convolution on a CPU is a copy of patches and a matrix product for each image; in eager mode it never uses
oneDNN. These layers call the library through its C interface, without a compiler. Their tensors lie channels last in
memory, [N, H, W, C], and look like every other tensor of Paddle, [N, C, H, W], with the strides that belong to it, as
PyTorch's memory format "channels_last". An operator of Paddle's that reads such a tensor copies it first, which is
right and slow. Where the library is not there, or a tensor is float64, nothing here is used.
There are no second derivatives; PADDLE_TSM_WITHOUT=onednn leaves everything to Paddle.
"""
