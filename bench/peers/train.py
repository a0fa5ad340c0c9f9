"""train: how fast PyTorch trains and predicts with the network R of bench/reference.yaml, on random rows in memory.

usage: train.py fusion|image|text THREADS train|predict BATCH
A line of seconds on stdin is answered with "samples/s samples/CPU-second" of that time; at the end of the input comes
the peak memory in MB. Channels last, foreach Adam (training) and a frozen trace (prediction) are what is fastest with
1.13; the environment (core type of OpenBLAS, its OpenMP build, what malloc keeps) is set by bench/train.sh."""
import resource
import sys
import time
import torch
from torch import nn
from torch.nn import functional as F

MODEL, THREADS, MODE, BATCH = sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])
N, T, VOCABULARY, CLASSES = 1024, 64, 20000, 27
torch.set_num_threads(THREADS)
torch.manual_seed(1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        if MODEL != 'image':
            self.emb, self.lstm = nn.Embedding(VOCABULARY, 128), nn.LSTM(128, 128, batch_first=True)
        if MODEL != 'text':
            self.conv = nn.ModuleList([nn.Conv2d(a, b, 3, padding=1) for a, b in ((3, 32), (32, 64), (64, 128))])
            self.d = nn.Linear(8192, 128)
        self.h, self.o = nn.Linear(256 if MODEL == 'fusion' else 128, 128), nn.Linear(128, CLASSES)

    def forward(self, t, x):
        z = []
        if MODEL != 'image':
            z.append(self.lstm(self.emb(t))[1][0][-1])
        if MODEL != 'text':
            for conv in self.conv:
                x = F.max_pool2d(F.relu(conv(x)), 2)
            z.append(F.relu(self.d(x.flatten(1))))
        return self.o(F.dropout(F.relu(self.h(torch.cat(z, 1))), .3, self.training))


net = Net().to(memory_format=torch.channels_last)
adam = torch.optim.Adam(net.parameters(), lr=1e-3, foreach=True)
t = (torch.rand(N, T) ** 3 * (VOCABULARY - 1)).long() + 1
x = torch.rand(N, 3, 64, 64).contiguous(memory_format=torch.channels_last)
y = torch.randint(0, CLASSES, (N,))
batches = [(t[i:i + BATCH].contiguous(), x[i:i + BATCH].contiguous(memory_format=torch.channels_last), y[i:i + BATCH])
           for i in range(0, N, BATCH)]
if MODE == 'predict':
    net.eval()
    frozen = torch.jit.freeze(torch.jit.trace(net, batches[0][:2]))


def step(t, x, y):
    if MODE == 'predict':
        with torch.inference_mode():
            F.softmax(frozen(t, x), 1)
        return
    adam.zero_grad(set_to_none=True)
    F.cross_entropy(net(t, x), y).backward()
    adam.step()


def run(seconds):
    n, start, cpu = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - start < seconds:
        step(*batches[n % len(batches)])
        n += BATCH
    return n / (time.perf_counter() - start), n / (time.process_time() - cpu)


run(.5)
for line in sys.stdin:
    print('%.1f %.1f' % run(float(line)), flush=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
