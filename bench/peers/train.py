"""train: samples/s of PyTorch on the reference network (Embedding(20000,128) -> LSTM 128; 64x64x3 -> conv 32/64/128 3x3
'same' + ReLU + pool -> Dense 128; concat -> 128 -> 27), synthetic tensors in memory, batch 32, two threads.
usage: train.py SECONDS"""
import sys
import time
import torch
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(2)
torch.manual_seed(1)
T, B = 32, 32


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.emb, self.lstm = nn.Embedding(20000, 128), nn.LSTM(128, 128, batch_first=True)
        self.conv = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1) for a, b in ((3, 32), (32, 64), (64, 128))])
        self.d, self.h, self.o = nn.Linear(8192, 128), nn.Linear(256, 128), nn.Linear(128, 27)

    def forward(self, t, x):
        for conv in self.conv:
            x = F.max_pool2d(F.relu(conv(x)), 2)
        z = torch.cat([self.lstm(self.emb(t))[1][0][-1], F.relu(self.d(x.flatten(1)))], 1)
        return self.o(F.dropout(F.relu(self.h(z)), .4, self.training))


net = Net().to(memory_format=torch.channels_last)
adam = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=True)
t = torch.randint(1, 20000, (B, T))
x = torch.rand(B, 3, 64, 64).contiguous(memory_format=torch.channels_last)
y = torch.randint(0, 27, (B,))


def step():
    adam.zero_grad(set_to_none=True)
    F.cross_entropy(net(t, x), y).backward()
    adam.step()


for _ in range(5):
    step()
n, start = 0, time.perf_counter()
while time.perf_counter() - start < float(sys.argv[1]):
    step()
    n += 1
print(f"{n * B / (time.perf_counter() - start):.0f}")
