"""Small networks in both frameworks, and the same in Paddle with one ordinary mistake each.

Every network of Paddle does each of its steps in a method or a layer of its own, so that a fault is a subclass or a
layer put in the place of another, as a port of somebody who erred would have it.
"""

import paddle
import paddle.nn.functional as PF
import torch
import torch.nn.functional as F


class TorchCnn(torch.nn.Module):
    """BatchNorm, both pools, three activations, a square Linear."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.bn1 = torch.nn.BatchNorm2d(8)
        self.conv2 = torch.nn.Conv2d(8, 8, 3, stride=2, padding=1)
        self.bn2 = torch.nn.BatchNorm2d(8)
        self.act2 = torch.nn.LeakyReLU(0.1)
        self.pool2 = torch.nn.AvgPool2d(3, 2, padding=1)
        self.conv3 = torch.nn.Conv2d(8, 4, 3, padding=1, groups=4)
        self.fc1 = torch.nn.Linear(16, 16)
        self.drop = torch.nn.Dropout(0.5)
        self.fc2 = torch.nn.Linear(16, 5)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.max_pool2d(x, 3, 2, padding=1)
        x = self.pool2(self.act2(self.bn2(self.conv2(x))))
        x = F.gelu(self.conv3(x))
        x = torch.flatten(x, 1)
        x = self.drop(F.silu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


class PaddleCnn(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.conv1 = paddle.nn.Conv2D(3, 8, 3, padding=1)
        self.bn1 = paddle.nn.BatchNorm2D(8)
        self.conv2 = paddle.nn.Conv2D(8, 8, 3, stride=2, padding=1)
        self.bn2 = paddle.nn.BatchNorm2D(8)
        self.act2 = paddle.nn.LeakyReLU(0.1)
        self.pool2 = paddle.nn.AvgPool2D(3, 2, padding=1, exclusive=False)
        self.conv3 = paddle.nn.Conv2D(8, 4, 3, padding=1, groups=4)
        self.fc1 = paddle.nn.Linear(16, 16)
        self.drop = paddle.nn.Dropout(0.5)
        self.fc2 = paddle.nn.Linear(16, 5)

    def stem(self, x):
        return PF.relu(self.bn1(self.conv1(x)))

    def pool1(self, x):
        return PF.max_pool2d(x, 3, 2, padding=1)

    def act3(self, x):
        return PF.gelu(x)

    def flat(self, x):
        return paddle.flatten(x, 1)

    def hidden(self, x):
        return self.drop(PF.silu(self.fc1(x)))

    def scores(self, x):
        return PF.log_softmax(self.fc2(x), axis=1)

    def forward(self, x):
        x = self.pool1(self.stem(x))
        x = self.pool2(self.act2(self.bn2(self.conv2(x))))
        return self.scores(self.hidden(self.flat(self.act3(self.conv3(x)))))


class TorchBlock(torch.nn.Module):
    def __init__(self, width, out, stride):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(width, out, 3, stride, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(out)
        self.conv2 = torch.nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(out)
        self.down = torch.nn.Conv2d(width, out, 1, stride, bias=False) if stride > 1 else None

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (self.down(x) if self.down is not None else x))


class TorchResNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(6)
        self.layer1 = TorchBlock(6, 6, 1)
        self.layer2 = TorchBlock(6, 8, 2)
        self.layer3 = TorchBlock(8, 8, 1)
        self.fc = torch.nn.Linear(8, 4)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.max_pool2d(x, 2)
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean(dim=(2, 3)))


class PaddleBlock(paddle.nn.Layer):
    def __init__(self, width, out, stride):
        super().__init__()
        self.conv1 = paddle.nn.Conv2D(width, out, 3, stride, 1, bias_attr=False)
        self.bn1 = paddle.nn.BatchNorm2D(out)
        self.conv2 = paddle.nn.Conv2D(out, out, 3, 1, 1, bias_attr=False)
        self.bn2 = paddle.nn.BatchNorm2D(out)
        self.down = paddle.nn.Conv2D(width, out, 1, stride, bias_attr=False) if stride > 1 else None

    def act(self, x):
        return PF.relu(x)

    def join(self, y, x):
        return PF.relu(y + x)

    def forward(self, x):
        y = self.act(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return self.join(y, self.down(x) if self.down is not None else x)


class PaddleResNet(paddle.nn.Layer):
    def __init__(self, block3=PaddleBlock):
        super().__init__()
        self.conv1 = paddle.nn.Conv2D(3, 6, 3, padding=1, bias_attr=False)
        self.bn1 = paddle.nn.BatchNorm2D(6)
        self.layer1 = PaddleBlock(6, 6, 1)
        self.layer2 = PaddleBlock(6, 8, 2)
        self.layer3 = block3(8, 8, 1)
        self.fc = paddle.nn.Linear(8, 4)

    def pool(self, x):
        return PF.max_pool2d(x, 2)

    def means(self, x):
        return x.mean(axis=[2, 3])

    def forward(self, x):
        x = self.pool(PF.relu(self.bn1(self.conv1(x))))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(self.means(x))


class TorchTransformer(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = torch.nn.Embedding(11, 8)
        self.place = torch.nn.Parameter(torch.randn(5, 8))
        self.norm1 = torch.nn.LayerNorm(8)
        self.query, self.key, self.value, self.out = (torch.nn.Linear(8, 8) for _ in range(4))
        self.norm2 = torch.nn.LayerNorm(8)
        self.up, self.low = torch.nn.Linear(8, 16), torch.nn.Linear(16, 8)
        self.head = torch.nn.Linear(8, 3)

    def forward(self, tokens):
        x = self.embed(tokens) + self.place
        y = self.norm1(x)
        q, k, v = (layer(y).reshape(*y.shape[:2], 2, 4).transpose(1, 2) for layer in (self.query, self.key, self.value))
        weights = torch.softmax(q @ k.transpose(-1, -2) / 2.0, dim=-1)
        x = x + self.out((weights @ v).transpose(1, 2).flatten(2))
        x = x + self.low(F.gelu(self.up(self.norm2(x))))
        return self.head(x.mean(1))


class PaddleTransformer(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.embed = paddle.nn.Embedding(11, 8)
        self.place = self.create_parameter([5, 8])
        self.norm1 = paddle.nn.LayerNorm(8)
        self.query, self.key, self.value, self.out = (paddle.nn.Linear(8, 8) for _ in range(4))
        self.norm2 = paddle.nn.LayerNorm(8)
        self.up, self.low = paddle.nn.Linear(8, 16), paddle.nn.Linear(16, 8)
        self.head = paddle.nn.Linear(8, 3)

    def positions(self, x):
        return x + self.place

    def weights_of(self, q, k):
        return PF.softmax(q @ k.transpose([0, 1, 3, 2]) / 2.0, axis=-1)

    def merged(self, y):
        return y.transpose([0, 2, 1, 3]).flatten(2)

    def act(self, x):
        return PF.gelu(x)

    def pooled(self, x):
        return x.mean(1)

    def forward(self, tokens):
        x = self.positions(self.embed(tokens))
        y = self.norm1(x)
        q, k, v = (
            layer(y).reshape([y.shape[0], y.shape[1], 2, 4]).transpose([0, 2, 1, 3])
            for layer in (self.query, self.key, self.value)
        )
        x = x + self.out(self.merged(self.weights_of(q, k) @ v))
        x = x + self.low(self.act(self.up(self.norm2(x))))
        return self.head(self.pooled(x))


class TorchRecurrent(torch.nn.Module):
    """An LSTM or a GRU with hand-written cells behind it."""

    def __init__(self, kind="LSTM"):
        super().__init__()
        self.kind = kind
        self.rnn = getattr(torch.nn, kind)(6, 5, batch_first=True)
        gates = 4 if kind == "LSTM" else 3
        self.from_input, self.from_state = torch.nn.Linear(5, gates * 5), torch.nn.Linear(5, gates * 5)
        self.fc = torch.nn.Linear(5, 3)

    def forward(self, x):
        x, _ = self.rnn(x)
        h = c = torch.zeros(x.shape[0], 5, dtype=x.dtype)
        for step in range(x.shape[1]):
            a, b = self.from_input(x[:, step]), self.from_state(h)
            if self.kind == "LSTM":
                i, f, g, o = (a + b).chunk(4, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            else:
                (r, z, n), (hr, hz, hn) = a.chunk(3, 1), b.chunk(3, 1)
                z = (z + hz).sigmoid()
                h = (1 - z) * (n + (r + hr).sigmoid() * hn).tanh() + z * h
        return self.fc(h)


class PaddleRecurrent(paddle.nn.Layer):
    def __init__(self, kind="LSTM"):
        super().__init__()
        self.kind = kind
        self.rnn = getattr(paddle.nn, kind)(6, 5)
        gates = 4 if kind == "LSTM" else 3
        self.from_input, self.from_state = paddle.nn.Linear(5, gates * 5), paddle.nn.Linear(5, gates * 5)
        self.fc = paddle.nn.Linear(5, 3)

    def sequence(self, x):
        return self.rnn(x)[0]

    def gates(self, a, b):
        return (a + b).chunk(4, 1)

    def mixed(self, z, n, h):
        return (1 - z) * n + z * h

    def forward(self, x):
        x = self.sequence(x)
        h = c = paddle.zeros([x.shape[0], 5], dtype=x.dtype)
        for step in range(x.shape[1]):
            a, b = self.from_input(x[:, step]), self.from_state(h)
            if self.kind == "LSTM":
                i, f, g, o = self.gates(a, b)
                c = PF.sigmoid(f) * c + PF.sigmoid(i) * paddle.tanh(g)
                h = PF.sigmoid(o) * paddle.tanh(c)
            else:
                (r, z, n), (hr, hz, hn) = a.chunk(3, 1), b.chunk(3, 1)
                h = self.mixed(PF.sigmoid(z + hz), paddle.tanh(n + PF.sigmoid(r + hr) * hn), h)
        return self.fc(h)


class TorchSegmentation(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.enter = torch.nn.Conv2d(3, 6, 3, padding=1)
        self.norm1 = torch.nn.GroupNorm(2, 6)
        self.down = torch.nn.Conv2d(6, 6, 3, 2, 1)
        self.norm2 = torch.nn.InstanceNorm2d(6, affine=True)
        self.mix = torch.nn.Conv2d(12, 6, 3, padding=1, padding_mode="replicate")
        self.up = torch.nn.ConvTranspose2d(6, 6, 2, 2)
        self.head = torch.nn.Conv2d(6, 4, 1)

    def forward(self, x):
        a = F.relu6(self.norm1(self.enter(x)))
        b = F.elu(self.norm2(self.down(a)))
        b = F.interpolate(b, scale_factor=2, mode="bilinear", align_corners=False)
        x = F.hardswish(self.mix(torch.cat([a, b], 1)))
        x = F.pad(self.up(x), (1, 0, 1, 0))
        return F.softmax(self.head(x), dim=1)


class PaddleSegmentation(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.enter = paddle.nn.Conv2D(3, 6, 3, padding=1)
        self.norm1 = paddle.nn.GroupNorm(2, 6)
        self.down = paddle.nn.Conv2D(6, 6, 3, 2, 1)
        self.norm2 = paddle.nn.InstanceNorm2D(6)
        self.mix = paddle.nn.Conv2D(12, 6, 3, padding=1, padding_mode="replicate")
        self.up = paddle.nn.Conv2DTranspose(6, 6, 2, 2)
        self.head = paddle.nn.Conv2D(6, 4, 1)

    def larger(self, x):
        return PF.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)

    def joined(self, a, b):
        return paddle.concat([a, b], 1)

    def padded(self, x):
        return PF.pad(x, [1, 0, 1, 0])

    def classes(self, x):
        return PF.softmax(x, axis=1)

    def act2(self, x):
        return PF.elu(x)

    def forward(self, x):
        a = PF.relu6(self.norm1(self.enter(x)))
        b = self.larger(self.act2(self.norm2(self.down(a))))
        x = PF.hardswish(self.mix(self.joined(a, b)))
        return self.classes(self.head(self.padded(self.up(x))))


class TorchPlain(torch.nn.Module):
    """A network whose twin in Paddle has its channels behind the pixels."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 6, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(6, 4, 3, padding=1)
        self.fc = torch.nn.Linear(4 * 16, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return self.fc(F.relu(self.conv2(x)).flatten(1))


class PaddleLast(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.conv1 = paddle.nn.Conv2D(3, 6, 3, padding=1, data_format="NHWC")
        self.conv2 = paddle.nn.Conv2D(6, 4, 3, padding=1, data_format="NHWC")
        self.fc = paddle.nn.Linear(4 * 16, 3)

    def entered(self, x):
        return x.transpose([0, 2, 3, 1])

    def flat(self, x):
        return x.transpose([0, 3, 1, 2]).flatten(1)

    def forward(self, x):
        x = PF.max_pool2d(PF.relu(self.conv1(self.entered(x))), 2, data_format="NHWC")
        return self.fc(self.flat(PF.relu(self.conv2(x))))


class TorchVideo(torch.nn.Module):
    """Frames [N * 4, 3, h, w]; a quarter of the channels is exchanged with the neighbouring frames."""

    def __init__(self):
        super().__init__()
        self.conv1 = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.conv2 = torch.nn.Conv2d(8, 8, 3, padding=1)
        self.fc = torch.nn.Linear(8, 3)

    def shift(self, x):
        x = x.view(-1, 4, *x.shape[1:])
        y = torch.zeros_like(x)
        y[:, :-1, :2] = x[:, 1:, :2]
        y[:, 1:, 2:4] = x[:, :-1, 2:4]
        y[:, :, 4:] = x[:, :, 4:]
        return y.flatten(0, 1)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(self.shift(x)))
        return self.fc(x.mean((2, 3)).view(-1, 4, 8).mean(1))


class PaddleVideo(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.conv1 = paddle.nn.Conv2D(3, 8, 3, padding=1)
        self.conv2 = paddle.nn.Conv2D(8, 8, 3, padding=1)
        self.fc = paddle.nn.Linear(8, 3)

    def shift(self, x):
        x = x.reshape([-1, 4, *x.shape[1:]])
        none = paddle.zeros_like(x[:, :1])
        ahead = paddle.concat([x[:, 1:, :2], none[:, :, :2]], 1)
        behind = paddle.concat([none[:, :, 2:4], x[:, :-1, 2:4]], 1)
        return paddle.concat([ahead, behind, x[:, :, 4:]], 2).flatten(0, 1)

    def votes(self, x):
        return x.mean([2, 3]).reshape([-1, 4, 8]).mean(1)

    def forward(self, x):
        x = PF.relu(self.conv1(x))
        return self.fc(self.votes(PF.relu(self.conv2(self.shift(x)))))


class TorchMobile(torch.nn.Module):
    """A block with squeeze and excitation."""

    def __init__(self):
        super().__init__()
        self.expand = torch.nn.Conv2d(4, 8, 1, bias=False)
        self.bn1 = torch.nn.BatchNorm2d(8)
        self.act1 = torch.nn.Hardswish()
        self.depth = torch.nn.Conv2d(8, 8, 5, 2, 2, groups=8, bias=False)
        self.bn2 = torch.nn.BatchNorm2d(8, eps=1e-3, momentum=0.01)
        self.act2 = torch.nn.ReLU6()
        self.fc1, self.fc2 = torch.nn.Conv2d(8, 4, 1), torch.nn.Conv2d(4, 8, 1)
        self.project = torch.nn.Conv2d(8, 4, 1)
        self.pool = torch.nn.AdaptiveAvgPool2d(1)
        self.classify = torch.nn.Linear(4, 3)

    def forward(self, x):
        x = self.act1(self.bn1(self.expand(x)))
        x = self.act2(self.bn2(self.depth(x)))
        gate = F.adaptive_avg_pool2d(x, 1)
        x = x * F.hardsigmoid(self.fc2(F.relu(self.fc1(gate))))
        return self.classify(self.pool(self.project(x)).flatten(1))


class PaddleMobile(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.expand = paddle.nn.Conv2D(4, 8, 1, bias_attr=False)
        self.bn1 = paddle.nn.BatchNorm2D(8)
        self.act1 = paddle.nn.Hardswish()
        self.depth = paddle.nn.Conv2D(8, 8, 5, 2, 2, groups=8, bias_attr=False)
        self.bn2 = paddle.nn.BatchNorm2D(8, epsilon=1e-3, momentum=0.99)
        self.act2 = paddle.nn.ReLU6()
        self.fc1, self.fc2 = paddle.nn.Conv2D(8, 4, 1), paddle.nn.Conv2D(4, 8, 1)
        self.project = paddle.nn.Conv2D(8, 4, 1)
        self.pool = paddle.nn.AdaptiveAvgPool2D(1)
        self.classify = paddle.nn.Linear(4, 3)

    def squeezed(self, x):
        return PF.adaptive_avg_pool2d(x, 1)

    def gate(self, x):
        return PF.hardsigmoid(x)

    def scaled(self, x, gate):
        return x * gate

    def forward(self, x):
        x = self.act1(self.bn1(self.expand(x)))
        x = self.act2(self.bn2(self.depth(x)))
        x = self.scaled(x, self.gate(self.fc2(PF.relu(self.fc1(self.squeezed(x))))))
        return self.classify(self.pool(self.project(x)).flatten(1))
