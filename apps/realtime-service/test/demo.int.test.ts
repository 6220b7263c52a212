import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { brokerUrl, NestClient } from '../../../packages/amqp-adapter/test/nest-client.js';
import { endServices, startService } from './service-process.js';
import type { ServiceProcess } from './service-process.js';

const QUEUE = `demo_${randomBytes(8).toString('hex')}`;
/** Orders of the demo over RabbitMQ, as with a real orders service, and without. */
const WAYS = ['in-process', 'rabbitmq'] as const;

const services = new Map<string, ServiceProcess>();
let nextEventId = 0;

beforeAll(async () => {
  const demo = { DEMO: 'on', LATE_CONFIRM: 'if-available' };
  const broker = {
    RABBITMQ_URL: brokerUrl(),
    REALTIME_QUEUE: QUEUE,
    RABBITMQ_QUEUE_OPTIONS: '{"durable":false}',
  };
  services.set('in-process', await startService(demo));
  services.set('rabbitmq', await startService({ ...demo, ...broker }));
});
afterAll(async () => {
  await endServices();
  const client = await NestClient.open(QUEUE);
  await client.channel.deleteQueue(QUEUE);
  await client.close();
});

function serviceOf(way: string): ServiceProcess {
  return services.get(way)!;
}

async function post(
  service: ServiceProcess,
  path: string,
  { body, headers = {} }: { readonly body: unknown; readonly headers?: Record<string, string> },
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const response = await fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

function orderId(): string {
  return `demo-${randomBytes(8).toString('hex')}`;
}

describe.each(WAYS)('orders of the demo, %s', (way) => {
  const ask = async (step: string, body: object) =>
    (await post(serviceOf(way), `/demo/orders/${step}`, { body })).body;
  const soldIn = async (eventId: number, index = 0) => {
    const { body } = await serviceOf(way).get('/demo/overview');
    const events = body['events'] as { eventId: number; categories: { sold: number }[] }[];
    return events.find((event) => event.eventId === eventId)?.categories[index]?.sold;
  };
  /** Locks in an event that no other test has. */
  const lockSome = async (categoryIds: readonly number[]) => {
    nextEventId += 1;
    const eventId = nextEventId;
    const buyer = await serviceOf(way).buyer(`buyer-${eventId}`);
    const items = categoryIds.map((categoryId) => ({ categoryId, quantity: 2 }));
    const { locks } = (await buyer.ask('lock-tickets', { eventId, items })) as {
      locks: { lockId: string }[];
    };
    return { eventId, buyer, lockIds: locks.map(({ lockId }) => lockId) };
  };

  test('are begun, paid, and given back by the same order', async () => {
    const { eventId, buyer, lockIds } = await lockSome([1, 2]);
    const order = { orderId: orderId(), lockIds };
    expect(await ask('begin-payment', order)).toEqual({ success: true, orderId: order.orderId });
    expect(await buyer.ask('get-my-locks')).toMatchObject({
      locks: [{ orderId: order.orderId }, { orderId: order.orderId }],
    });
    for (let time = 0; time < 2; time += 1) {
      expect(await ask('confirm', order)).toEqual({ success: true, orderId: order.orderId });
    }
    expect(await soldIn(eventId)).toBe(2);
    expect(await ask('fail', order)).toEqual({ success: true, orderId: order.orderId });
    expect(await soldIn(eventId)).toBe(0);
    expect(await ask('confirm', order)).toMatchObject({ success: false, code: 'LOCK_RELEASED' });
  });

  test('of somebody else are refused with the code and its facts', async () => {
    const { lockIds } = await lockSome([1]);
    await ask('begin-payment', { orderId: orderId(), lockIds });
    expect(await ask('confirm', { orderId: orderId(), lockIds })).toMatchObject({
      success: false,
      code: 'ORDER_CONFLICT',
      lockId: lockIds[0],
    });
  });

  test('are returned all at once, and only the demo’s own', async () => {
    const { eventId, lockIds } = await lockSome([1, 2]);
    const mine = { orderId: orderId(), lockIds: lockIds.slice(0, 1) };
    await ask('confirm', mine);
    const foreign = await lockSome([1]);
    if (way === 'rabbitmq') {
      const client = await NestClient.open(QUEUE);
      await client.request('confirm-ticket-lock', { lockId: lockIds[1], orderId: 7001 });
      await client.close();
    }
    const soldElsewhere = way === 'rabbitmq' ? 2 : 0;
    expect(await ask('return-all', { eventId })).toEqual({ success: true, eventId, quantity: 2 });
    expect(await soldIn(eventId, 1)).toBe(soldElsewhere);
    expect(await soldIn(eventId)).toBe(0);
    expect(await ask('return-all', { eventId })).toMatchObject({ quantity: 0 });
    expect(await ask('return-all', { eventId: 999 })).toMatchObject({ quantity: 0 });
    expect(await ask('fail', { orderId: orderId(), lockIds: foreign.lockIds })).toMatchObject({
      success: true,
    });
  });

  test('name locks that there are', async () => {
    const unknown = { orderId: orderId(), lockIds: ['nothing'] };
    expect(await ask('confirm', unknown)).toMatchObject({ success: false, code: 'LOCK_NOT_FOUND' });
  });

  test('tell the operator which way they go', async () => {
    expect((await serviceOf(way).get('/demo/overview')).body).toMatchObject({ orders: way });
  });
});

describe('what is posted', () => {
  const good = () => ({ orderId: orderId(), lockIds: ['lock'] });
  const confirm = '/demo/orders/confirm';

  test.each([
    ['an order that is not the demo’s', { ...good(), orderId: '7001' }, 'orderId'],
    ['no lock', { ...good(), lockIds: [] }, 'lockIds'],
    ['something else', 'nonsense', ''],
    ['nothing', null, ''],
  ])('is refused: %s', async (_what, body, field) => {
    const answer = await post(serviceOf('in-process'), confirm, { body: JSON.stringify(body) });
    expect(answer).toMatchObject({ status: 400, body: { code: 'INVALID_REQUEST', field } });
  });

  test.each([
    ['https://evil.example', undefined, 403],
    ['null', undefined, 403],
    [undefined, 'cross-site', 403],
    [undefined, 'same-site', 403],
    [undefined, 'same-origin', 200],
    // Behind a proxy that names another host.
    ['https://shop.example', 'same-origin', 200],
    [undefined, undefined, 200],
  ])('by a page of origin %s, site %s, gets status %i', async (origin, site, status) => {
    const headers = {
      ...(origin !== undefined && { origin }),
      ...(site !== undefined && { 'sec-fetch-site': site }),
    };
    const answer = await post(serviceOf('in-process'), confirm, { body: good(), headers });
    expect(answer.status).toBe(status);
  });

  test('by the page itself is taken', async () => {
    const service = serviceOf('in-process');
    const headers = { origin: service.url };
    expect((await post(service, confirm, { body: good(), headers })).status).toBe(200);
  });

  test('is JSON, is called so, and is short', async () => {
    const service = serviceOf('in-process');
    const long = JSON.stringify({ ...good(), more: 'x'.repeat(20_000) });
    const asText = { 'content-type': 'text/plain' };
    expect(await post(service, confirm, { body: good(), headers: asText })).toMatchObject({
      status: 415,
    });
    expect(await post(service, confirm, { body: '{' })).toMatchObject({ status: 400 });
    expect(await post(service, confirm, { body: long })).toMatchObject({ status: 413 });
  });

  test('is not read from an address', async () => {
    expect(await serviceOf('in-process').get(confirm)).toMatchObject({ status: 405 });
  });
});

describe('the demo', () => {
  test('tells what changed lately, once', async () => {
    const service = serviceOf('in-process');
    const before = (await service.get('/demo/changes')).body['count'] as number;
    const buyer = await service.buyer('watched');
    await buyer.ask('lock-tickets', { eventId: 20, categoryId: 1, quantity: 3 });
    const after = await service.get(`/demo/changes?after=${before}`);
    expect(after.body).toMatchObject({
      changes: [{ type: 'locked', userId: 'watched', eventId: 20, quantity: 3 }],
    });
    const again = await service.get(`/demo/changes?after=${String(after.body['count'])}`);
    expect(again.body['changes']).toEqual([]);
    // A number of another life of the service.
    const all = await service.get('/demo/changes?after=999999');
    expect((all.body['changes'] as unknown[]).length).toBeGreaterThan(0);
  });

  test('does not exist where nobody asked for it, nor in production', async () => {
    const secret = { JWT_SECRET: 'a secret of the tests, long enough for HS256' };
    const plain = await startService(secret);
    const production = await startService({ ...secret, NODE_ENV: 'production' });
    for (const service of [plain, production]) {
      for (const path of ['token?userId=1', 'events', 'changes', 'overview']) {
        expect(await service.get(`/demo/${path}`)).toMatchObject({ status: 404 });
      }
      const posted = await post(service, '/demo/orders/confirm', { body: good() });
      expect(posted.status).toBe(404);
    }
    function good() {
      return { orderId: orderId(), lockIds: ['lock'] };
    }
  });
});
