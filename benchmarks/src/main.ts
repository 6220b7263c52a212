// npm run bench -- [name ...] [--quick] [--json=<file>]
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

import { benchmarkAmqp } from './amqp.bench.js';
import { benchmarkEngine } from './engine.bench.js';
import { benchmarkLedger } from './ledger.bench.js';
import { benchmarkRedis } from './redis.bench.js';

const BENCHMARKS = {
  engine: benchmarkEngine,
  ledger: benchmarkLedger,
  amqp: benchmarkAmqp,
  redis: benchmarkRedis,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
});

const chosen = Object.entries(BENCHMARKS).filter(
  ([name]) => positionals.length === 0 || positionals.includes(name),
);
const reports: Record<string, unknown> = {};
for (const [name, benchmark] of chosen) {
  reports[name] = await benchmark({ quick: values.quick });
}
const json = JSON.stringify({ node: process.version, quick: values.quick, ...reports }, null, 2);
if (values.json !== undefined) writeFileSync(values.json, `${json}\n`);
