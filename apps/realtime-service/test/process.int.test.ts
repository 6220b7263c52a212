import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, test } from 'vitest';

import { someInstant, someText } from '../../../packages/socket-adapter/test/some.js';
import {
  endServices,
  inventoryFile,
  SECRET,
  spawnService,
  startService,
} from './service-process.js';

afterEach(endServices);

describe('starting', () => {
  test('tells every problem of its environment at once, one on a line', async () => {
    const service = spawnService({
      LOCK_DURATION_MINUTES: 'abc',
      WEBSOCKET_PORT: '70000',
      LOCK_STORE: 'redis',
      DATABASE_URL: 'mysql://user:hidden@localhost/db',
      JWT_SECRET: SECRET,
      JWT_JWKS_URL: 'https://keys.example/jwks.json',
    });
    expect(await service.exitCode()).toBe(1);
    expect(service.output.trim().split('\n')).toEqual([
      'realtime-service: WEBSOCKET_PORT must be an integer from 0 to 65535, got "70000"',
      'realtime-service: only one of JWT_SECRET and JWT_JWKS_URL may be set',
      'realtime-service: LOCK_DURATION_MINUTES must be an integer from 1 to 525600, got "abc"',
      'realtime-service: DATABASE_URL must be a URL that begins with postgres:// or postgresql://',
      'realtime-service: REDIS_URL must be set with LOCK_STORE=redis',
    ]);
  });

  test('refuses in production what is only for trying', async () => {
    const service = spawnService({ NODE_ENV: 'production', DEMO: 'on' });
    expect(await service.exitCode()).toBe(1);
    expect(service.output).toMatch(/DEMO must not be "on" with NODE_ENV=production/);
    expect(service.output).toMatch(/one of JWT_SECRET, .* must be set in production/);
  });

  test('refuses an inventory that is none, and says where', async () => {
    const events = [{ eventId: 1, categories: [{ categoryId: 1, capacity: 5 }, { capacity: -1 }] }];
    const service = spawnService({ INVENTORY_FILE: inventoryFile({ events }) });
    expect(await service.exitCode()).toBe(1);
    expect(service.output).toContain('events[0].categories[1].categoryId must be');
    expect(service.output).toContain(
      'events[0].categories[1].capacity must be an integer of 0 or more, got -1',
    );
  });

  test('says which port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => {
      other.listen(0, '127.0.0.1', resolve);
    });
    const { port } = other.address() as AddressInfo;
    const service = spawnService({ WEBSOCKET_PORT: String(port), HOST: '127.0.0.1' });
    expect(await service.exitCode()).toBe(1);
    expect(service.output).toContain(`realtime-service: port ${port} is in use`);
    await new Promise((resolve) => {
      other.close(resolve);
    });
  });

  test('makes a secret for the run, and says so', async () => {
    const service = spawnService({ WEBSOCKET_PORT: '0', HOST: '127.0.0.1' });
    await service.ready();
    expect(service.output).toContain('a secret was made for this run');
  });
});

describe('the demo', () => {
  test('gives tokens that work, and tells what is on sale', async () => {
    const service = spawnService({ WEBSOCKET_PORT: '0', HOST: '127.0.0.1', DEMO: 'on' });
    await service.ready();
    const { status, body } = await service.get('/demo/token?userId=123');
    expect(status).toBe(200);
    expect(body).toEqual({
      token: someText,
      userId: 123,
      expiresAt: someInstant,
    });
    const buyer = await service.connect({
      auth: { token: body['token'] },
      query: { userId: '123' },
    });
    expect(await buyer.hears('connected')).toMatchObject({ userId: 123 });
    const demo = await service.get('/demo/events');
    const [first] = demo.body['events'] as object[];
    expect(first).toMatchObject({ eventId: 1, name: someText });
    expect(await service.get('/demo/token')).toMatchObject({ status: 400 });
    expect(service.output).toContain(`curl '${service.url.replace('127.0.0.1', 'localhost')}`);
    expect(service.output).not.toContain(String(body['token']));
  });
});

describe('stopping', () => {
  test('closes sockets so that clients come back, and ends with 0', async () => {
    const service = await startService();
    const buyer = await service.buyer(12);
    await buyer.ask('lock-tickets', { eventId: 1, categoryId: 1, quantity: 1 });
    const beganAtMs = Date.now();
    service.kill('SIGTERM');
    // The one reason after which socket.io-client reconnects by itself.
    expect(await buyer.disconnected()).toBe('transport close');
    expect(await service.exitCode()).toBe(0);
    expect(Date.now() - beganAtMs).toBeLessThan(10_000);
    expect(service.output).toContain('"msg":"stopped"');
  });

  test('lets a second service serve on another port all the while', async () => {
    const [first, second] = await Promise.all([startService(), startService()]);
    expect(first.port).not.toBe(second.port);
    const wish = { eventId: 1, categoryId: 2, quantity: 5 };
    const [one, other] = await Promise.all([first.buyer(1), second.buyer(1)]);
    expect(await one.ask('lock-tickets', wish)).toMatchObject({ success: true });
    expect(await other.ask('lock-tickets', wish)).toMatchObject({ success: true });
    first.kill('SIGTERM');
    expect(await first.exitCode()).toBe(0);
    expect(await second.get('/health/ready')).toMatchObject({ status: 200 });
  });
});
