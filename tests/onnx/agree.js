// agree.js MODULES MODEL.onnx ROWS: the largest difference between what onnxruntime computes and what refit did
// (ROWS.json, ROWS.bin of tests/tools/onnx_rows), on standard output.
const [modules, model, rows] = process.argv.slice(2);
const fs = require('fs');
const ort = require(require.resolve('onnxruntime-node', { paths: [modules] }));
const arrays = { int32: Int32Array, int64: BigInt64Array, float32: Float32Array, float64: Float64Array, uint8: Uint8Array };

(async () => {
    const about = JSON.parse(fs.readFileSync(rows + '.json'));
    const bytes = fs.readFileSync(rows + '.bin');
    const values = (t) => new arrays[t.type](bytes.buffer.slice(bytes.byteOffset + t.at, bytes.byteOffset + t.at + t.bytes));
    const session = await ort.InferenceSession.create(model);
    const feeds = {};
    for (const name of session.inputNames) {
        const t = about[name];
        feeds[name] = new ort.Tensor(t.type, values(t), t.dims);
    }
    const out = (await session.run(feeds))[session.outputNames[0]];
    const want = values(about.want);
    if (out.data.length !== want.length) throw new Error(`${out.data.length} numbers, want ${want.length}`);
    let worst = 0;
    for (let i = 0; i < want.length; i++) {
        const d = Math.abs(out.data[i] - want[i]) / Math.max(1, Math.abs(want[i]));
        if (!(d <= worst)) worst = d;
    }
    console.log(worst);
})().catch((e) => { console.error(String(e)); process.exit(1); });
