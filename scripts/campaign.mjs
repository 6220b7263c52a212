// Repeats what is random in the tests far more often than they do; tells how long each part took.
import { ExpectedError, orStop, run, throwIfStopped } from './child-process.mjs';
import { openServices } from './services.mjs';
import { build, install, tool } from './toolchain.mjs';

const ROUNDS = 200;
const SERVICE = 'apps/realtime-service/test';
const STORE = 'packages/redis-store/test';
const LOSSES = `${STORE}/losses/losses.int.test.ts`;
const PACKAGES = ['@ticket-locks/realtime-service', '@ticket-locks/redis-store'];

/**
 * Each part is a test file, or the test in it whose name is `only`. It reads from `variable` how
 * often it repeats its thing: `share` times for each round of the campaign.
 */
const PARTS = [
  { name: 'ledger', script: 'packages/sql-ledger/scripts/campaign.ts', services: [] },
  ...['kill-rounds', 'broker-rounds'].map((name) => ({
    name,
    file: `${SERVICE}/${name}.int.test.ts`,
    services: ['rabbitmq'],
    variable: 'CAMPAIGN_ROUNDS',
    share: 1,
  })),
  {
    name: 'doubled-messages',
    file: `${SERVICE}/doubled-messages.int.test.ts`,
    services: ['rabbitmq'],
    variable: 'CAMPAIGN_MESSAGES',
    share: 500,
  },
  {
    name: 'instance-stops',
    file: `${SERVICE}/instance-stops.int.test.ts`,
    services: ['rabbitmq', 'redis', 'postgres'],
    variable: 'CAMPAIGN_STOPS',
    share: 0.1,
  },
  {
    name: 'publisher-kills',
    file: `${SERVICE}/shared-publishing.int.test.ts`,
    services: ['rabbitmq', 'redis', 'postgres'],
    variable: 'CAMPAIGN_KILLS',
    share: 0.1,
  },
  ...[
    ['empty-restarts', 'restarts without data', 'CAMPAIGN_EMPTY_RESTARTS', 0.5],
    ['cut-tails', 'restarts without the newest writes', 'CAMPAIGN_CUT_TAILS', 0.25],
    ['failovers', 'failovers to a replica that was cut off', 'CAMPAIGN_FAILOVERS', 0.25],
    ['operators', 'words of an operator', 'CAMPAIGN_OPERATORS', 0.2],
  ].map(([name, only, variable, share]) => ({
    name,
    file: LOSSES,
    only,
    services: ['redis', 'postgres'],
    variable,
    share,
  })),
  {
    name: 'differential',
    file: `${STORE}/differential.int.test.ts`,
    services: ['redis', 'postgres'],
    variable: 'DIFFERENTIAL_COMMANDS',
    share: 25_000,
  },
  {
    name: 'linearizability',
    file: `${STORE}/linearizability.int.test.ts`,
    services: ['redis', 'postgres'],
    variable: 'LINEARIZABILITY_HISTORIES',
    share: 25,
  },
];

/**
 * `npm run campaign -- failovers cut-tails 500 7` takes parts by their names (default all), rounds
 * and seed. Returns the exit code.
 */
export async function runCampaign(args) {
  const [rounds = ROUNDS, seed = 1 + (Date.now() % 1_000_000)] = args.filter(isNumber).map(Number);
  const parts = partsNamed(args.filter((arg) => !isNumber(arg)));
  await install();
  if (!(await build(PACKAGES))) throw new ExpectedError('The build failed.');
  const services = openServices([...new Set(parts.flatMap((part) => part.services))]);
  const told = [];
  let exitCode = 0;
  try {
    const env = await orStop(services.environment());
    for (const part of parts) {
      const startMs = Date.now();
      const partExitCode = await runPart(part, { rounds, seed, env });
      throwIfStopped();
      exitCode ||= partExitCode;
      const seconds = Math.round((Date.now() - startMs) / 1000);
      const verdict = partExitCode === 0 ? 'green' : 'FAILED';
      told.push(`${part.name.padEnd(18)} ${String(seconds).padStart(6)} s  ${verdict}`);
    }
  } finally {
    await services.stop();
  }
  console.log(`\nCampaign of ${rounds} rounds, seed ${seed}:\n${told.join('\n')}`);
  return exitCode;
}

function partsNamed(names) {
  const known = PARTS.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0)
    throw new ExpectedError(
      `No part is called ${unknown.join(', ')}. There are: ${known.join(', ')}`,
    );
  return names.length === 0 ? PARTS : PARTS.filter(({ name }) => names.includes(name));
}

async function runPart({ script, file, only, variable, share }, { rounds, seed, env }) {
  if (script !== undefined)
    return tool('tsx', [script, String(rounds), String(seed)], run, { env });
  const options = ['--no-file-parallelism', '--reporter=verbose'];
  if (only !== undefined) options.push('--testNamePattern', only);
  const count = String(Math.ceil(rounds * share));
  return tool('vitest', ['run', ...options, file], run, {
    env: { ...env, SEED: String(seed), CAMPAIGN_SEED: String(seed), [variable]: count },
  });
}

function isNumber(text) {
  return /^\d+$/.test(text);
}
