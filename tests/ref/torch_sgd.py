"""torch_sgd: losses of 20 steps of plain SGD by PyTorch, on the layers of bench/reference.yaml with small inputs and
without dropout: what tests/unit/test_torch.c holds the engine against. Weights and data are a hash of their numbers, so
that both sides have the same; at this rate PyTorch in double agrees with PyTorch in float to 1e-6. Not needed to run
the tests.

usage: /usr/bin/python3 tests/ref/torch_sgd.py >tests/ref/torch_sgd.h"""
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from hashed import uniform

B, T, SIDE, VOCABULARY, CLASSES, STEPS, BATCHES, RATE = 16, 24, 32, 1000, 27, 20, 2, 0.5


def uniform32(stream, n):
    return uniform(stream, n).astype(np.float32)  # exact


stream = iter(range(100))


def weights(*shape):
    """The next tensor of our parameter block, scaled by its fan-in."""
    fan = int(np.prod(shape[:-1])) if len(shape) > 1 else 100
    fan = 100 if shape[0] == VOCABULARY else fan
    return torch.from_numpy(uniform32(next(stream), int(np.prod(shape))).reshape(shape) / np.sqrt(np.float32(fan)))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb, self.lstm = nn.Embedding(VOCABULARY, 128), nn.LSTM(128, 128, batch_first=True)
        self.conv = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1) for a, b in ((3, 32), (32, 64), (64, 128))])
        self.d, self.h, self.o = nn.Linear(SIDE * SIDE * 2, 128), nn.Linear(256, 128), nn.Linear(128, CLASSES)
        with torch.no_grad():
            self.emb.weight.copy_(weights(VOCABULARY, 128))
            self.lstm.weight_ih_l0.copy_(weights(128, 512).T)  # gates i f g o in both
            self.lstm.weight_hh_l0.copy_(weights(128, 512).T)
            self.lstm.bias_ih_l0.copy_(weights(512))
            self.lstm.bias_hh_l0.zero_().requires_grad_(False)  # the second bias, which we do not have
            for c in self.conv:
                c.weight.copy_(weights(3, 3, c.in_channels, c.out_channels).permute(3, 2, 0, 1))
                c.bias.copy_(weights(c.out_channels))
            for linear in (self.d, self.h, self.o):
                linear.weight.copy_(weights(linear.in_features, linear.out_features).T)
                linear.bias.copy_(weights(linear.out_features))

    def forward(self, t, x):
        for c in self.conv:
            x = F.max_pool2d(F.relu(c(x)), 2)
        x = F.relu(self.d(x.permute(0, 2, 3, 1).flatten(1)))
        return self.o(F.relu(self.h(torch.cat([self.lstm(self.emb(t))[1][0][-1], x], 1))))


def whole(stream, n, below):
    return np.minimum(((uniform32(stream, n) + 1) / 2 * np.float32(below)).astype(np.int64), below - 1)


torch.set_num_threads(1)
net = Net()
sgd = torch.optim.SGD([p for p in net.parameters() if p.requires_grad], lr=RATE)
ids = torch.from_numpy(1 + whole(200, BATCHES * B * T, VOCABULARY - 1)).reshape(BATCHES, B, T)
x = torch.from_numpy(whole(201, BATCHES * B * SIDE * SIDE * 3, 256).astype(np.float32) / np.float32(255))
x = x.reshape(BATCHES, B, SIDE, SIDE, 3).permute(0, 1, 4, 2, 3)
y = torch.from_numpy(whole(202, BATCHES * B, CLASSES)).reshape(BATCHES, B)
print(f"/* Made by torch_sgd.py with PyTorch {torch.__version__}. */\n/* clang-format off */\nstatic const double torch_loss[{STEPS}] = {{")
for step in range(STEPS):
    k = step % BATCHES
    sgd.zero_grad(set_to_none=True)
    loss = F.cross_entropy(net(ids[k], x[k]), y[k])
    loss.backward()
    sgd.step()
    print(f"    {loss.item():.7f},")
print("};")
