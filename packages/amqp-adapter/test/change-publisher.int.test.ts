import { memoryLedger } from '@ticket-locks/lock-engine/testing';
import type { MemoryLedger } from '@ticket-locks/lock-engine/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { isPublished } from '../src/change-message.js';
import type { AdapterLog } from '../src/index.js';
import { AdapterUnderTest, PATIENCE_MS, STATS } from './adapter-under-test.js';
import { CATEGORY_ID, EVENT_ID, openBoxOffice } from './box-office.js';
import { openCuttableProxy } from './cuttable-proxy.js';
import type { CuttableProxy } from './cuttable-proxy.js';
import { changesOf, expectAllHeard, firstsOf, trade } from './heard-changes.js';
import { brokerUrl } from './nest-client.js';
import { silentLog } from './silent-log.js';

const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string;

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

let made: AdapterUnderTest;
let ledger: MemoryLedger;

beforeEach(async () => {
  ledger = memoryLedger();
  made = await AdapterUnderTest.open(await openBoxOffice({}, ledger));
});

afterEach(() => made.end());

async function openProxy(): Promise<CuttableProxy> {
  const proxy = await openCuttableProxy(brokerUrl());
  made.onEnd(() => proxy.close());
  return proxy;
}

/** The ids of what a publisher after this one would be given. */
async function untoldIds(): Promise<string[]> {
  await ledger.attach({ onMore: () => undefined, onRevoked: () => undefined });
  const entries = await ledger.read(1_000_000);
  await ledger.detach();
  return entries.filter(({ change }) => isPublished(change)).map(({ id }) => id);
}

describe('every change is told', () => {
  test('in the words of the wire, as the event of a NestJS service', async () => {
    const heard = await made.listen();
    await made.startServing({ outbox: ledger });
    const { lockId } = await made.office.lock('bo', 3);
    const order = { lockId, orderId: 7 };
    await made.office.locks.beginPayment({ ...order, ttlMs: 600_000 });
    await made.office.locks.confirm(order);
    await made.office.locks.release(order);
    await vi.waitUntil(() => heard.length === 4, { timeout: PATIENCE_MS });

    const [locked, begun, confirmed, returned] = heard;
    const seq = Number(locked?.data['seq']);
    const lock = { lockId, eventId: EVENT_ID, categoryId: CATEGORY_ID, userId: 'bo', quantity: 3 };
    expect(locked).toMatchObject({ routingKey: 'lock.locked', pattern: 'lock.locked' });
    expect(locked?.data).toEqual({
      id: expect.stringMatching(new RegExp(`^.+-${seq}$`)) as string,
      seq,
      at: '2030-01-01T00:00:00.000Z',
      ...lock,
      expiresAt: '2030-01-01T00:05:00.000Z',
    });
    expect(locked?.message.properties).toMatchObject({
      messageId: locked?.data['id'],
      deliveryMode: 2,
      contentType: 'application/json',
      type: 'lock.locked',
      timestamp: Date.UTC(2030, 0, 1) / 1000,
      headers: { seq },
    });
    expect(begun?.pattern).toBe('lock.payment-begun');
    expect(begun?.data).toMatchObject({ ...lock, orderId: 7, expiresAt: instant });
    expect(confirmed?.pattern).toBe('lock.confirmed');
    expect(confirmed?.data).toMatchObject({ ...lock, orderId: 7 });
    expect(returned?.pattern).toBe('lock.released');
    expect(returned?.data).toMatchObject({ ...lock, orderId: 7, reason: 'order-failed' });
  });

  test('once each, in order per lock, and marked as told', async () => {
    const heard = await made.listen();
    const changes = changesOf(made.office.locks);
    const adapter = await made.startServing({ outbox: ledger });
    await trade(made.office, 200);
    await expectAllHeard(heard, changes);
    expect(heard).toHaveLength(changes.length);
    // The broker may confirm a message after somebody has heard it.
    await expect
      .poll(() => adapter.messageStats(), { timeout: PATIENCE_MS })
      .toMatchObject({ published: 600, waiting: 0, dropped: 0 });
    await adapter.stop();
    expect(await untoldIds()).toEqual([]);
  });

  test('also those of before the start, and not those that were told before', async () => {
    const changes = changesOf(made.office.locks);
    await trade(made.office, 3);
    ledger.markPublished(String(changes[3]?.seq));
    const heard = await made.listen();
    await made.startServing({ outbox: ledger });
    await expectAllHeard(heard, changes.slice(4));
  });

  test('to whoever bound a queue by key, and to nobody else', async () => {
    const heard = await made.listen('lock.released');
    await made.startServing({ outbox: ledger });
    await trade(made.office, 5);
    await vi.waitUntil(() => heard.length === 5, { timeout: PATIENCE_MS });
    expect(new Set(heard.map(({ pattern }) => pattern))).toEqual(new Set(['lock.released']));
  });

  test('with ids of this run when there is no ledger', async () => {
    const heard = await made.listen();
    const changes = changesOf(made.office.locks);
    await made.startServing();
    await trade(made.office, 20);
    await expectAllHeard(heard, changes);
    const prefixes = new Set(heard.map(({ data }) => String(data['id']).replace(/-\d+$/, '')));
    expect([...prefixes].join()).toMatch(/^[\w-]{22}$/);
  });

  test('and money that must go back waits in a queue, though nobody listens', async () => {
    await made.startServing({ outbox: ledger });
    const { lockId, expiresAtMs } = await made.office.lock('bo', 3);
    made.office.movePast(expiresAtMs);
    const { body } = await made.client.request('confirm-ticket-lock', { lockId, orderId: 7 });
    expect(body['err']).toMatchObject({ code: 'LOCK_EXPIRED' });
    const message = await made.take(`${made.queue}.refunds`);
    expect(JSON.parse(String(message.content))).toMatchObject({
      pattern: 'lock.refund-required',
      data: { lockId, orderId: 7, userId: 'bo', quantity: 3 },
    });
    expect(message.properties.deliveryMode).toBe(2);
  });
});

describe('nothing is lost', () => {
  test('when the connection is cut again and again in the middle', async () => {
    const proxy = await openProxy();
    const heard = await made.listen();
    const changes = changesOf(made.office.locks);
    await made.startServing({ url: proxy.url, outbox: ledger });
    for (let round = 0; round < 6; round += 1) {
      proxy.cutAfter(3 + round);
      await trade(made.office, 60, round * 60);
    }
    await expectAllHeard(heard, changes);
    // Of what is repeated the id and the content are the same.
    const firsts = new Map(firstsOf(heard).map(({ data }) => [data['id'], data]));
    for (const { data } of heard) expect(data).toEqual(firsts.get(data['id']));
  });

  test('when the broker hears nothing and closes nothing: a half open connection', async () => {
    const proxy = await openProxy();
    const heard = await made.listen();
    const changes = changesOf(made.office.locks);
    // A close that nobody answers ends with the heartbeat.
    const url = `${proxy.url}?heartbeat=1`;
    await made.startServing({ url, outbox: ledger, confirmTimeoutMs: 500 });
    await trade(made.office, 5);
    proxy.freeze();
    await trade(made.office, 5, 5);
    await expectAllHeard(heard, changes);
  });

  test('when a queue is full and the broker refuses: it is sent again until it is taken', async () => {
    const { channel } = made.client;
    const full = `${made.queue}.listener`;
    await channel.assertExchange(made.exchange, 'topic', { durable: true });
    await channel.assertQueue(full, {
      maxLength: 1,
      arguments: { 'x-overflow': 'reject-publish' },
    });
    await channel.bindQueue(full, made.exchange, '#');
    const warn = vi.fn<AdapterLog['warn']>();
    const changes = changesOf(made.office.locks);
    await made.startServing({ outbox: ledger, log: { ...silentLog, warn } });
    await trade(made.office, 2);
    await vi.waitUntil(() => warn.mock.calls.some(([, text]) => text.includes('refused')), {
      timeout: PATIENCE_MS,
    });
    const seqs: unknown[] = [];
    await channel.consume(full, (message) => {
      if (message === null) return;
      seqs.push(message.properties.headers?.['seq']);
      channel.ack(message);
    });
    const expected = changes.map(({ seq }) => seq);
    const firsts = () => [...new Set(seqs)];
    await vi.waitUntil(() => firsts().length === expected.length, { timeout: PATIENCE_MS });
    const lockSeqs = (all: readonly unknown[], start: number) =>
      all.filter((seq) => expected.slice(start, start + 3).includes(Number(seq)));
    expect(lockSeqs(firsts(), 0)).toEqual(expected.slice(0, 3));
    expect(lockSeqs(firsts(), 3)).toEqual(expected.slice(3, 6));
  });

  test('when the broker is away for longer than memory lasts: the ledger has the rest', async () => {
    const proxy = await openProxy();
    const heard = await made.listen();
    const changes = changesOf(made.office.locks);
    const adapter = await made.startServing({ url: proxy.url, outbox: ledger, changesMax: 40 });
    proxy.setOpen(false);
    proxy.cut();
    await vi.waitUntil(() => !adapter.isConnected);
    await trade(made.office, 400);
    expect(adapter.messageStats()).toMatchObject({ waiting: 1200, dropped: 0 });
    proxy.setOpen(true);
    await expectAllHeard(heard, changes);
    await vi.waitUntil(() => adapter.messageStats().waiting === 0, { timeout: PATIENCE_MS });
    expect(adapter.messageStats().dropped).toBe(0);
  });

  test('when the exchange is deleted: it is made again', async () => {
    await made.listen();
    const adapter = await made.startServing({ outbox: ledger });
    await made.client.channel.deleteExchange(made.exchange);
    await trade(made.office, 1);
    const isThere = () => adapter.messageStats().waiting === 0;
    await vi.waitUntil(isThere, { timeout: PATIENCE_MS });
    const heard = await made.listen('#', `${made.queue}.retry`);
    const changes = changesOf(made.office.locks);
    await trade(made.office, 1, 1);
    await expectAllHeard(heard, changes);
  });

  test('at a stop: what is done by then is told before the adapter leaves', async () => {
    const heard = await made.listen();
    const changes = changesOf(made.office.locks);
    const adapter = await made.startServing({ outbox: ledger });
    await trade(made.office, 100);
    await adapter.stop();
    expect(await untoldIds()).toEqual([]);
    await expectAllHeard(heard, changes);
  });

  test('by a stop without a broker: the next adapter tells the rest, with the same ids', async () => {
    const proxy = await openProxy();
    proxy.setOpen(false);
    const changes = changesOf(made.office.locks);
    const first = await made.start({ url: proxy.url, outbox: ledger });
    await trade(made.office, 10);
    await first.stop();
    const untold = await untoldIds();
    const heard = await made.listen();
    await made.startServing({ outbox: ledger });
    await expectAllHeard(heard, changes);
    expect(heard.map(({ data }) => data['id'])).toEqual(untold);
  });
});

describe('without a ledger', () => {
  test('the oldest are dropped when too many wait, which is counted and said once', async () => {
    const proxy = await openProxy();
    const error = vi.fn<AdapterLog['error']>();
    const heard = await made.listen();
    const changes = changesOf(made.office.locks);
    const log = { ...silentLog, error };
    const adapter = await made.startServing({ url: proxy.url, changesMax: 40, log });
    proxy.setOpen(false);
    proxy.cut();
    await vi.waitUntil(() => !adapter.isConnected);
    await trade(made.office, 100);
    expect(adapter.messageStats()).toMatchObject({ waiting: 40, dropped: 260 });
    const said = error.mock.calls.filter(([, text]) => text.includes('the oldest are dropped'));
    expect(said).toHaveLength(1);
    proxy.setOpen(true);
    await expectAllHeard(heard, changes.slice(-40));
  });
});

test('an exchange that cannot be had keeps no request from being answered', async () => {
  const error = vi.fn<AdapterLog['error']>();
  // Names like this one are the broker's own.
  const exchange = 'amq.not-ours';
  const adapter = await made.startServing({
    outbox: ledger,
    exchange,
    log: { ...silentLog, error },
  });
  await trade(made.office, 1);
  const complaints = () =>
    error.mock.calls.filter(([, text]) => text.includes('cannot publish')).length;
  await vi.waitUntil(() => complaints() >= 2, { timeout: PATIENCE_MS });
  expect((await made.client.request('get-realtime-stats', {})).body['response']).toEqual(STATS);
  expect(adapter.messageStats()).toMatchObject({ published: 0, waiting: 3 });
});

test('an exchange that a peer has made with other options is used as it is', async () => {
  await made.client.channel.assertExchange(made.exchange, 'topic', { durable: false });
  const adapter = await made.startServing({ outbox: ledger });
  await trade(made.office, 1);
  await vi.waitUntil(() => adapter.messageStats().published === 3, { timeout: PATIENCE_MS });
});
