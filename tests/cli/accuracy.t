#!/bin/bash
# What the sample is built for: text, picture and table each help, and the fusion clearly beats each alone. The whole
# pipeline, all epochs, from raw files to a published version.
. "$(dirname "$0")/tap.sh"
mkdir models data && cp -r "$top/models/presets" models/ && cp -r "$top/data/sample" "$top/data/schemas" data/ && cp "$top/pipeline.yaml" .
ok 'import to upload, all epochs, through the gate' refit run
/usr/bin/python3 - >figures 2>&1 <<'P'
import json
m = {k: v["accuracy"] for k, v in json.load(open("work/products/metrics.json"))["models"].items()}
print(m)
print("good" if m["fusion"] >= 0.90 else "bad", "ahead" if m["fusion"] >= max(m["text"], m["image"]) + 0.05 else "behind")
P
is 'fusion reaches .90 and is five points ahead of text and of picture' "$(tail -n 1 figures)" 'good ahead'
sed 's/^/# /' figures
ok 'version 1 is published' test -f registry/products/1/models.tar
ok 'it is the current one' grep -q '"version": "1"' registry/products/current.json
ok 'the report is there' test -s work/products/report.html
finish
