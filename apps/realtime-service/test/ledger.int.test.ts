import { randomInt, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, onTestFinished, test } from 'vitest';

import { endServices, spawnService, startService, tokenFor } from './service-process.js';

afterEach(endServices);

/** Nobody else's: a database of the tests may remember earlier runs. */
const userId = randomInt(1e9, 2e9);
const wish = { eventId: 1, categoryId: 1, quantity: 2, requestId: randomUUID() };

function dataFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ticket-locks-data-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function databaseOfTests(): Record<string, string> {
  const url = process.env['TEST_DATABASE_URL'];
  if (url === undefined) {
    throw new Error('TEST_DATABASE_URL must name a PostgreSQL for tests; `npm test` starts one');
  }
  return { DATABASE_URL: url };
}

describe.each<[string, () => Record<string, string>]>([
  ['DATA_DIR', () => ({ DATA_DIR: dataFolder() })],
  ['DATABASE_URL', databaseOfTests],
])('with %s', (_variable, environment) => {
  test('kill -9 costs a buyer neither his tickets nor his session', async () => {
    const kept = environment();
    const first = await startService(kept);
    const buyer = await first.buyer(userId);
    const { resumeToken, sessionId } = await buyer.hears('connected');
    const lock = await buyer.ask('lock-tickets', wish);
    expect(lock).toMatchObject({ success: true });
    first.kill('SIGKILL');
    await first.exitCode();

    const second = await startService(kept);
    const token = await tokenFor(userId);
    const again = await second.connect({ auth: { token, resumeToken } });
    expect(await again.hears('connected')).toMatchObject({ resumed: true, sessionId });
    const { lockId, expiresAt } = lock as { lockId: string; expiresAt: string };
    expect(await again.ask('get-my-locks')).toMatchObject({ locks: [{ lockId, expiresAt }] });
    expect(await again.ask('lock-tickets', wish)).toMatchObject({
      success: true,
      lockId,
      expiresAt,
    });
    expect(second.output).toContain('"msg":"the ledger was read"');
  });

  test('a second service is refused, and says why', async () => {
    const kept = environment();
    await startService(kept);
    const second = spawnService({ WEBSOCKET_PORT: '0', HOST: '127.0.0.1', ...kept });
    expect(await second.exitCode()).toBe(1);
    expect(second.output).toMatch(
      /realtime-service: cannot start: .* is in use by another process/,
    );
  });
});
